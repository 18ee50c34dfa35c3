#include "tracking/left_out.hpp"

#include "tracking/mirror.hpp"
#include "tracking/table_owner.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "store/store.hpp"

#include <charconv>

extern "C" {
#include "access/relation.h"
#include "storage/lmgr.h"
#include "utils/typcache.h"
}

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

/// Looks rows of a tracked table up by a column.
///
/// Nothing of the app's runs in the statement (see require_exact_text()), and so it runs as the table's owner, without
/// row security, as a foreign key's check does. Where the column's type is one of the server's, its index can be used;
/// other types are compared as text.
///
/// What a look-up finds must still hold when we commit. So the group's row is locked (with the rights of the table's
/// owner, whichever role writes), and the filter's outcome can't change meanwhile. And where we change that outcome,
/// what is in the group is looked up in the newest state, also under REPEATABLE READ.
struct Lookup {
    Relation relation;
    RowReader *reader;
    TupleTableSlot *slot;
    Oid type; // of the parameter
    Oid owner;
    SPIPlanPtr plan;
    bool newest;
};

/// The type that a column of this type is compared with, or InvalidOid if as text.
Oid comparison_type(Oid type) {
    switch (Oid base = getBaseType(type); base) {
    case INT2OID:
    case INT4OID:
    case INT8OID:
        return INT8OID;
    case NUMERICOID:
    case UUIDOID:
    case TEXTOID:
    case BPCHAROID:
        return base;
    case VARCHAROID:
        return TEXTOID;
    default:
        return InvalidOid;
    }
}

bool all_of(std::string_view text, const char *characters) {
    return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

/// The id as a value of a comparison type; false if it can't be one, so no row has it.
bool as_parameter(Oid type, std::string_view id, Datum *value) {
    switch (type) {
    case INT8OID: {
        int64_t number;
        auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
        if (error != std::errc() || end != id.data() + id.size())
            return false;
        *value = Int64GetDatum(number);
        return true;
    }
    case NUMERICOID:
        if (!all_of(id, "-.0123456789") || id.find('-', 1) != std::string_view::npos || id.find('.') != id.rfind('.') ||
            !all_of(id.substr(id.size() - 1), "0123456789"))
            return false;
        *value = OidInputFunctionCall(F_NUMERIC_IN, pnstrdup(id.data(), id.size()), InvalidOid, -1);
        return true;
    case UUIDOID:
        if (id.size() != 36 || !all_of(id, "-0123456789abcdef") || id[8] != '-' || id[13] != '-' || id[18] != '-' ||
            id[23] != '-' || std::count(id.begin(), id.end(), '-') != 4)
            return false;
        *value = OidInputFunctionCall(F_UUID_IN, pnstrdup(id.data(), id.size()), InvalidOid, -1);
        return true;
    default:
        *value = PointerGetDatum(cstring_to_text_with_len(id.data(), static_cast<int>(id.size())));
        return true;
    }
}

const char *name_of(Relation relation) {
    return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                      RelationGetRelationName(relation));
}

/// A name for the relation in a statement, which stands for the whole row there: one that none of its columns has.
const char *alias_of(Relation relation) {
    const char *alias = "x";
    while (get_attnum(RelationGetRelid(relation), alias) != InvalidAttrNumber)
        alias = psprintf("%sx", alias);
    return alias;
}

/// A column's text, as require_exact_text() means it, as the ids of a kind are stored.
const char *text_of(const char *alias, Form_pg_attribute attribute) {
    const char *name = psprintf("%s.%s", alias, quote_identifier(NameStr(attribute->attname)));
    return getBaseType(attribute->atttypid) == NUMERICOID
               ? psprintf("pg_catalog.trim_scale(%s::pg_catalog.numeric)::pg_catalog.text COLLATE pg_catalog.\"C\"",
                          name)
               : psprintf("%s::pg_catalog.text COLLATE pg_catalog.\"C\"", name);
}

/// The values of those of the ids (text[]) that can be of a comparison type, as an array of it.
Datum as_parameters(Oid type, Datum ids) {
    const TextElements texts = text_elements(ids);
    auto *values = static_cast<Datum *>(palloc(texts.count * sizeof(Datum)));
    int count = 0;
    for (Datum text : texts)
        if (as_parameter(type, view(text), &values[count]))
            count++;
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(type, &length, &by_value, &align);
    return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

/// By its id, or by many parents. SPI must be connected. False if nothing is tracked for the kind.
bool open_lookup(Lookup *lookup, Kind kind, Oid relation, bool by_parent) {
    lookup->relation = OidIsValid(relation) ? try_relation_open(relation, RowShareLock) : nullptr;
    if (lookup->relation == nullptr)
        return false;
    lookup->reader = make_row_reader(lookup->relation, kind, CurrentMemoryContext);
    if (lookup->reader == nullptr) {
        relation_close(lookup->relation, NoLock);
        return false;
    }
    TupleDesc shape = RelationGetDescr(lookup->relation);
    lookup->slot = MakeSingleTupleTableSlot(shape, &TTSOpsHeapTuple);
    AttrNumber column = by_parent ? lookup->reader->source.parent : lookup->reader->source.id;
    Form_pg_attribute attribute = TupleDescAttr(shape, column - 1);
    require_exact_text(shape, column);
    lookup->type = comparison_type(attribute->atttypid);
    lookup->owner = lookup->relation->rd_rel->relowner;
    const char *alias = alias_of(lookup->relation);
    const char *compared = OidIsValid(lookup->type)
                               ? psprintf("%s.%s", alias, quote_identifier(NameStr(attribute->attname)))
                               : text_of(alias, attribute);
    if (!OidIsValid(lookup->type))
        lookup->type = TEXTOID;
    lookup->newest = by_parent;
    Oid parameter = by_parent ? get_array_type(lookup->type) : lookup->type;
    TableOwner owner; // whose row security is none
    owner.enter(lookup->owner);
    lookup->plan =
        prepare_over(lookup->relation,
                     psprintf("SELECT %s FROM %s %s WHERE %s OPERATOR(pg_catalog.=) %s", alias,
                              name_of(lookup->relation), alias, compared, by_parent ? "ANY ($1)" : "$1 FOR SHARE"),
                     1, &parameter);
    owner.leave();
    return true;
}

void close_lookup(Lookup *lookup) {
    ExecDropSingleTupleTableSlot(lookup->slot);
    free_row_reader(lookup->reader);
    relation_close(lookup->relation, NoLock);
}

/// Runs the lookup: SPI_tuptable has the rows, and their number is returned.
uint64 look_up(Connection &connection, const Lookup *lookup, Datum value) {
    TableOwner owner;
    owner.enter(lookup->owner);
    uint64 rows = connection.run(lookup->plan, &value, nullptr, lookup->newest ? GetLatestSnapshot() : InvalidSnapshot);
    owner.leave();
    return rows;
}

int by_text(const void *a, const void *b) {
    const std::string_view left = view(*static_cast<const Datum *>(a)), right = view(*static_cast<const Datum *>(b));
    return left.compare(right);
}

/// What row n of the result says. The filter is evaluated as the table's owner: the role that writes the other table
/// has not chosen to run this one's filter. Good until the next one.
State found_state(Lookup *lookup, uint64 n) {
    bool is_null;
    if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != lookup->relation->rd_rel->reltype)
        elog(ERROR, "unexpected row of table \"%s\"", RelationGetRelationName(lookup->relation));
    HeapTupleHeader row =
        DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[n], SPI_tuptable->tupdesc, 1, &is_null));
    HeapTupleData tuple = {};
    tuple.t_len = HeapTupleHeaderGetDatumLength(row);
    ItemPointerSetInvalid(&tuple.t_self);
    tuple.t_tableOid = lookup->reader->source.relation;
    tuple.t_data = row;
    ExecStoreHeapTuple(&tuple, lookup->slot, false);
    TableOwner owner;
    owner.enter(lookup->owner);
    int level = begin_reading(lookup->reader, lookup->slot->tts_tupleDescriptor);
    State state = read_state(lookup->reader, lookup->slot);
    end_reading(level);
    owner.leave();
    return state;
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

void forget_left_out(Datum *parents, int count) {
    if (!groups_are_filtered())
        return;
    ContextResource memory(CurrentMemoryContext);
    auto comes_before = [](Datum a, Datum b) { return view(a) < view(b); };
    std::pmr::vector<Datum> ids(&memory); // each once, in one order in which they are locked
    std::copy_if(parents, parents + count, std::back_inserter(ids), [](Datum parent) { return parent != 0; });
    std::sort(ids.begin(), ids.end(), comes_before);
    ids.erase(std::unique(ids.begin(), ids.end(), [](Datum a, Datum b) { return view(a) == view(b); }), ids.end());
    if (ids.empty())
        return;
    {
        StatementSnapshot now;
        RowMemory row;
        auto is_ours = [&](Datum id) {
            InContext inside(row.empty());
            return live.row(Table::groups, id) != nullptr;
        };
        ids.erase(std::remove_if(ids.begin(), ids.end(), is_ours), ids.end());
    }
    if (ids.empty())
        return;
    const Oid root = tracked_relation(Kind::groups);
    Datum *unknown = ids.data();
    const size_t unknown_count = ids.size();
    const size_t left_out = guard([&] {
        size_t kept = 0;
        // Of a table that Citus has distributed, the copy on this node.
        List *relations = relations_of(root);
        const Oid source = relations == NIL ? InvalidOid : linitial_oid(relations);
        Connection connection;
        Lookup lookup;
        if (open_lookup(&lookup, Kind::groups, source, false)) {
            for (size_t i = 0; i < unknown_count; i++) {
                CHECK_FOR_INTERRUPTS();
                const Datum id = unknown[i];
                bool there = false, in = false;
                if (Datum value; as_parameter(lookup.type, view(id), &value)) {
                    uint64 rows = look_up(connection, &lookup, value);
                    for (uint64 n = 0; n < rows; n++)
                        if (State state = found_state(&lookup, n); state.id != 0 && view(state.id) == view(id))
                            there = true, in = in || state.in;
                    SPI_freetuptable(SPI_tuptable);
                    SPI_tuptable = nullptr;
                }
                if (there && !in)
                    unknown[kept++] = id;
            }
            close_lookup(&lookup);
        }
        connection.finish();
        return kept;
    });
    for (int i = 0; i < count; i++)
        if (parents[i] != 0 && std::binary_search(unknown, unknown + left_out, parents[i], comes_before))
            parents[i] = 0;
}

Children children_in_source(Kind kind, Datum groups) {
    Oid source = tracked_relation(kind);
    if (!OidIsValid(source))
        return {};
    struct Found {
        Datum *ids, *parents;
        int count;
    };
    Found children = guard([&] {
        Found found = {};
        int room = 0;
        List *relations = relations_of(source);
        const TextElements wanted = text_elements(groups);
        qsort(wanted.begin_, wanted.count, sizeof(Datum), by_text);
        for (int i = 0; i < list_length(relations); i++) {
            Connection connection;
            Lookup lookup;
            if (open_lookup(&lookup, kind, list_nth_oid(relations, i), true)) {
                uint64 rows = look_up(connection, &lookup, as_parameters(lookup.type, groups));
                const Size needed = found.count + std::max<Size>(rows, 1);
                for (Datum **list : {&found.ids, &found.parents}) {
                    if (*list == nullptr)
                        *list = static_cast<Datum *>(
                            MemoryContextAllocExtended(connection.caller(), needed * sizeof(Datum), MCXT_ALLOC_HUGE));
                    else if (static_cast<Size>(room) < needed)
                        *list = static_cast<Datum *>(repalloc_huge(*list, needed * sizeof(Datum)));
                }
                room = std::max(room, static_cast<int>(needed));
                for (uint64 n = 0; n < rows; n++) {
                    CHECK_FOR_INTERRUPTS();
                    State state = found_state(&lookup, n);
                    if (!state.in || !state.parent ||
                        bsearch(&*state.parent, wanted.begin_, wanted.count, sizeof(Datum), by_text) == nullptr)
                        continue;
                    MemoryContext inside = MemoryContextSwitchTo(connection.caller());
                    found.parents[found.count] = datumCopy(*state.parent, false, -1);
                    found.ids[found.count++] = datumCopy(state.id, false, -1);
                    MemoryContextSwitchTo(inside);
                }
                close_lookup(&lookup);
            }
            connection.finish();
        }
        return found;
    });
    if (children.count == 0)
        return {};
    return {text_array(children.ids, nullptr, children.count), text_array(children.parents, nullptr, children.count)};
}

namespace {

/// Those of the ids that rows of the table have, which are locked: 0 for none. Server code.
Datum ids_in(Relation relation, const Source &source, Datum ids) {
    TupleDesc shape = RelationGetDescr(relation);
    require_exact_text(shape, source.id);
    Form_pg_attribute attribute = TupleDescAttr(shape, source.id - 1);
    Oid type = comparison_type(attribute->atttypid);
    const bool as_text = !OidIsValid(type);
    if (as_text)
        type = TEXTOID;
    Datum array = as_parameters(type, ids);
    Oid array_type = get_array_type(type);
    TableOwner owner;
    owner.enter(relation->rd_rel->relowner);
    Connection connection;
    const char *alias = alias_of(relation), *text = text_of(alias, attribute);
    SPIPlanPtr plan =
        prepare_over(relation,
                     psprintf("SELECT pg_catalog.array_agg(found.id) FROM (SELECT %s AS id FROM %s %s "
                              "WHERE %s OPERATOR(pg_catalog.=) ANY ($1) FOR SHARE) found",
                              text, name_of(relation), alias,
                              as_text ? text : psprintf("%s.%s", alias, quote_identifier(NameStr(attribute->attname)))),
                     1, &array_type);
    connection.run(plan, &array, nullptr, GetLatestSnapshot());
    Datum found = connection.result(0, 0).value_or(0);
    connection.finish();
    owner.leave();
    return found;
}

} // namespace

Datum ids_left_out(Kind kind, Datum ids) {
    Oid oid = tracked_relation(kind);
    if (!is_filtered(kind))
        return 0;
    return guard([&] {
        List *relations = relations_of(oid);
        Growing<Datum> all;
        const bool spread = list_length(relations) != 1 || linitial_oid(relations) != oid;
        for (int i = 0; i < list_length(relations); i++) {
            // A TRUNCATE of all shards holds each of them in a session of its own, which must not wait for another.
            // What is truncated has no rows to keep.
            if (spread && !ConditionalLockRelationOid(list_nth_oid(relations, i), RowShareLock))
                continue;
            Relation relation = try_relation_open(list_nth_oid(relations, i), spread ? NoLock : RowShareLock);
            Source source;
            if (relation == nullptr)
                continue;
            if (Datum found = read_source(relation, kind, &source) ? ids_in(relation, source, ids) : 0; found != 0)
                for (Datum id : text_elements(found))
                    all.add(id);
            relation_close(relation, NoLock);
        }
        return all.empty() ? static_cast<Datum>(0)
                           : PointerGetDatum(construct_array(all.items, all.count, TEXTOID, -1, false, TYPALIGN_INT));
    });
}

} // namespace intd
