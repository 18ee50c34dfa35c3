#include "postgres/query.hpp"

#include "postgres/path.hpp"

namespace intd {
namespace {

/// Parameters as SPI wants them.
struct Arguments {
    Datum values[Statement::most_parameters];
    char nulls[Statement::most_parameters];

    explicit Arguments(std::initializer_list<Value> parameters) {
        int n = 0;
        for (const Value &parameter : parameters) {
            values[n] = parameter.value_or(static_cast<Datum>(0));
            nulls[n++] = parameter ? ' ' : 'n';
        }
    }
};

constexpr int max_results = 8;

/// All that have a plan.
Statement *statements = nullptr;

uint64 run(Statement &statement, std::initializer_list<Value> parameters, Value *results, int columns, bool read_only) {
    Arguments arguments(parameters);
    struct Found {
        uint64 rows;
        Value values[max_results];
    };
    Found found = guard([&] {
        Connection connection;
        SPIPlanPtr plan = prepared(statement);
        Found answer = {};
        answer.rows = read_only ? connection.read(plan, arguments.values, arguments.nulls)
                                : connection.run(plan, arguments.values, arguments.nulls);
        for (int i = 0; i < columns && answer.rows > 0; i++)
            answer.values[i] = connection.result(0, i);
        connection.finish();
        return answer;
    });
    std::copy_n(found.values, columns, results);
    return found.rows;
}

} // namespace

namespace {

bool is_about_few_rows(const Statement &statement) {
    return !statement.generic && !statement.custom && statement.parameters > 0 &&
           !OidIsValid(get_element_type(statement.types[0]));
}

bool tables_seem_large = false; // while a statement about few rows is planned
get_relation_info_hook_type other_hook;

/// The planner looks at tables as they are now, and takes any index, or none, of one that is small. The plan is kept,
/// and the table may grow while one statement of a user's runs ours again and again.
void make_large(PlannerInfo *root, Oid relation, bool is_parent, RelOptInfo *table) {
    if (other_hook != nullptr)
        other_hook(root, relation, is_parent, table);
    constexpr double rows = 1000000;
    if (!tables_seem_large || table->tuples >= rows)
        return;
    table->tuples = rows;
    table->pages = 20000;
    ListCell *cell;
    foreach (cell, table->indexlist) {
        auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
        index->tuples = rows;
        index->pages = 5000;
    }
}

/// Plans the statement as for large tables, unless it has such a plan that the server will use. Server code.
void plan_for_few_rows(SPIPlanPtr plan) {
    auto *source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
    if (source->is_valid && source->gplan != nullptr && source->gplan->is_valid && !source->dependsOnRLS &&
        is_current_search_path(source->search_path))
        return;
    int level = NewGUCNestLevel();
    set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    PG_TRY();
    {
        tables_seem_large = true;
        if (CachedPlan *planned = SPI_plan_get_cached_plan(plan); planned != nullptr)
            ReleaseCachedPlan(planned, CurrentResourceOwner);
    }
    PG_FINALLY();
    { tables_seem_large = false; }
    PG_END_TRY();
    AtEOXact_GUC(true, level);
}

} // namespace

Connection::Connection() : caller_(CurrentMemoryContext), path_(fix_search_path_as_owner()) {
    SPI_connect();
}

void Connection::finish() {
    SPI_finish();
    restore_search_path(path_);
    MemoryContextSwitchTo(caller_);
}

namespace {

uint64 require_success(int code) {
    if (code < 0)
        elog(ERROR, "SPI failed: %s", SPI_result_code_string(code));
    return SPI_processed;
}

} // namespace

uint64 Connection::run(SPIPlanPtr plan, const Datum *values, const char *nulls, Snapshot snapshot, Snapshot crosscheck,
                       bool alone, int limit) {
    return require_success(
        SPI_execute_snapshot(plan, const_cast<Datum *>(values), nulls, snapshot, crosscheck, false, alone, limit));
}

uint64 Connection::read(SPIPlanPtr plan, const Datum *values, const char *nulls) {
    return require_success(SPI_execute_plan(plan, const_cast<Datum *>(values), nulls, true, 0));
}

std::optional<Datum> Connection::result(uint64 row, int column) const {
    bool is_null;
    Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column + 1, &is_null);
    if (is_null)
        return std::nullopt;
    Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column);
    MemoryContext inside = MemoryContextSwitchTo(caller_);
    value = attribute->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
                                    : datumCopy(value, attribute->attbyval, attribute->attlen);
    MemoryContextSwitchTo(inside);
    return value;
}

SPIPlanPtr prepare(const char *sql, int parameters, Oid *types, int options) {
    SPIPlanPtr plan = SPI_prepare_cursor(sql, parameters, types, options);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed for \"%s\": %s", sql, SPI_result_code_string(SPI_result));
    return plan;
}

SPIPlanPtr prepared(Statement &statement) {
    bool few = is_about_few_rows(statement);
    if (statement.plan == nullptr) {
        SPIPlanPtr plan = prepare(statement.sql, statement.parameters, statement.types,
                                  statement.generic || few ? CURSOR_OPT_GENERIC_PLAN
                                  : statement.custom       ? CURSOR_OPT_CUSTOM_PLAN
                                                           : 0);
        SPI_keepplan(plan);
        statement.plan = plan;
        statement.next = std::exchange(statements, &statement);
    }
    if (few)
        plan_for_few_rows(statement.plan);
    return statement.plan;
}

void shorten(ErrorData *report, std::string_view statement) {
    const std::string_view more = " ...";
    constexpr size_t longest = 200;
    size_t kept = statement.find(' ', statement.find("integration_defaults."));
    if (kept > longest && statement.size() > longest)
        kept = statement.rfind(' ', longest);
    if (report->context == nullptr || kept >= statement.size() || statement.size() - kept < more.size())
        return;
    char *end = report->context + strlen(report->context);
    for (char *at = report->context; (at = std::search(at, end, statement.begin(), statement.end())) != end;) {
        char *rest = at + statement.size();
        at += kept;
        memcpy(at, more.data(), more.size());
        at += more.size();
        memmove(at, rest, end - rest + 1);
        end -= rest - at;
    }
}

void shorten_own_statements(ErrorData *report) {
    for (const Statement *statement = statements; statement != nullptr; statement = statement->next)
        shorten(report, statement->sql);
}

PlannerSettings::PlannerSettings(Purpose purpose) : level_(NewGUCNestLevel()) {
    guard([&] {
        auto set = [](const char *name, const char *value) {
            set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
        };
        if (purpose == few_rows)
            for (const char *name : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "jit"})
                set(name, "off");
        else {
            if (work_mem < maintenance_work_mem)
                set("work_mem", psprintf("%d", maintenance_work_mem));
            set("jit", "off");
            // Where a table was never analysed, a loop over its rows for each row of another seems cheap if they are
            // kept, but never if they are read again.
            set("enable_material", "off");
        }
    });
}

uint64 execute(Statement &statement, std::initializer_list<Value> parameters) {
    return run(statement, parameters, nullptr, 0, false);
}

namespace {

uint64 run_newest(Statement &statement, std::initializer_list<Value> parameters, bool alone, int limit) {
    Arguments arguments(parameters);
    return guard([&] {
        Connection connection;
        SPIPlanPtr plan = prepared(statement);
        Snapshot newest = InvalidSnapshot, crosscheck = InvalidSnapshot; // READ COMMITTED takes the newest by itself
        if (IsolationUsesXactSnapshot()) {
            CommandCounterIncrement();
            newest = GetLatestSnapshot();
            crosscheck = GetTransactionSnapshot();
        }
        uint64 rows = connection.run(plan, arguments.values, arguments.nulls, newest, crosscheck, alone, limit);
        connection.finish();
        return rows;
    });
}

} // namespace

uint64 execute_newest(Statement &statement, std::initializer_list<Value> parameters, int limit) {
    return run_newest(statement, parameters, false, limit);
}

uint64 execute_newest_alone(Statement &statement, std::initializer_list<Value> parameters) {
    return run_newest(statement, parameters, true, 0);
}

void run_command(const char *command) {
    Connection connection;
    require_success(SPI_execute(command, false, 0));
    connection.finish();
    CommandCounterIncrement();
}

uint64 fetch_row(Statement &statement, std::initializer_list<Value> parameters, Value *results, int columns,
                 bool read_only) {
    return run(statement, parameters, results, columns, read_only);
}

Column fetch_column(Statement &statement, std::initializer_list<Value> parameters) {
    Arguments arguments(parameters);
    return guard([&] {
        Connection connection;
        Column found = {nullptr, connection.run(prepared(statement), arguments.values, arguments.nulls)};
        found.begin_ = static_cast<Datum *>(MemoryContextAlloc(connection.caller(), (found.count + 1) * sizeof(Datum)));
        for (uint64 i = 0; i < found.count; i++)
            found.begin_[i] = *connection.result(i, 0);
        connection.finish();
        return found;
    });
}

Cursor::Cursor(Statement &statement, std::initializer_list<Value> parameters) : caller_(CurrentMemoryContext) {
    Arguments arguments(parameters);
    portal_ = guard([&] {
        SPI_connect();
        Portal opened = SPI_cursor_open(nullptr, prepared(statement), arguments.values, arguments.nulls, true);
        MemoryContextSwitchTo(caller_);
        return opened;
    });
}

bool Cursor::next() {
    if (++at_ < size_)
        return true;
    guard([&] {
        CHECK_FOR_INTERRUPTS();
        if (batch_ != nullptr)
            SPI_freetuptable(batch_);
        batch_ = nullptr;
        SPI_cursor_fetch(portal_, true, 1000);
        batch_ = SPI_tuptable;
        size_ = SPI_processed;
        at_ = 0;
        MemoryContextSwitchTo(caller_);
    });
    return size_ > 0;
}

void Cursor::close() {
    guard([&] {
        SPI_cursor_close(portal_);
        SPI_finish();
        MemoryContextSwitchTo(caller_);
    });
}

Value Cursor::column(int n) const {
    bool is_null;
    Datum value = guard([&] {
        Datum stored = SPI_getbinval(batch_->vals[at_], batch_->tupdesc, n + 1, &is_null);
        return !is_null && TupleDescAttr(batch_->tupdesc, n)->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM(stored))
                                                                           : stored;
    });
    return is_null ? std::nullopt : Value(value);
}

void watch_planning() {
    other_hook = get_relation_info_hook;
    get_relation_info_hook = make_large;
}

} // namespace intd
