#include "postgres/result.hpp"

namespace intd {

ResultSet::ResultSet(FunctionCallInfo fcinfo) {
    auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    guard([&] {
        if (info == nullptr || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("set-valued function called in context that cannot accept a set")));
        MemoryContext caller = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
        Oid type;
        if (get_call_result_type(fcinfo, &type, &columns_) == TYPEFUNC_SCALAR) {
            columns_ = CreateTemplateTupleDesc(1);
            TupleDescInitEntry(columns_, 1, "value", type, -1, 0);
        } else
            columns_ = CreateTupleDescCopy(columns_);
        store_ = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
        info->returnMode = SFRM_Materialize;
        info->setResult = store_;
        info->setDesc = columns_;
        MemoryContextSwitchTo(caller);
    });
}

void put_row(Tuplestorestate *store, TupleDesc columns, std::initializer_list<std::optional<Datum>> values) {
    constexpr size_t most = 16;
    Datum datums[most];
    bool nulls[most];
    size_t n = 0;
    for (const std::optional<Datum> &value : values) {
        if (n == most)
            break;
        datums[n] = value.value_or(static_cast<Datum>(0));
        nulls[n++] = !value.has_value();
    }
    guard([&] { tuplestore_putvalues(store, columns, datums, nulls); });
}

} // namespace intd
