#include "tracking/tracked.hpp"

#include "hierarchy/hooks.hpp"
#include "postgres/invalidation.hpp"
#include "postgres/memory.hpp"
#include "postgres/result.hpp"
#include "postgres/trigger.hpp"
#include "store/access.hpp"
#include "store/citus.hpp"
#include "store/relation.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/ruleutils.h"
}

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

/// Both sides of part n of a binding, or null where the clause is not one of ours.
DistinctExpr *part(BoolExpr *clause, int n) {
    if (n >= list_length(clause->args))
        return nullptr;
    auto *pair = static_cast<Node *>(list_nth(clause->args, n));
    return IsA(pair, DistinctExpr) ? reinterpret_cast<DistinctExpr *>(pair) : nullptr;
}

/// The column whose old and new value a part compares, or 0.
AttrNumber compared_column(DistinctExpr *pair) {
    List *columns = pair == nullptr ? NIL : pull_var_clause(static_cast<Node *>(linitial(pair->args)), 0);
    if (list_length(columns) != 1)
        return 0;
    auto *variable = static_cast<Var *>(linitial(columns));
    return variable->varno == PRS2_OLD_VARNO && variable->varattno > 0 ? variable->varattno : 0;
}

bool read_binding(const char *when, Source *source) {
    if (when == nullptr)
        return false;
    auto *node = static_cast<Node *>(stringToNode(when));
    auto *clause = reinterpret_cast<BoolExpr *>(node);
    if (!IsA(node, BoolExpr) || clause->boolop != OR_EXPR || list_length(clause->args) > 3)
        return false;
    source->id = compared_column(part(clause, 0));
    source->parent = compared_column(part(clause, 1));
    DistinctExpr *filter = part(clause, 2);
    source->filter = filter == nullptr ? nullptr : static_cast<Node *>(linitial(filter->args));
    return source->id != 0 && source->parent != 0 && (filter != nullptr) == (list_length(clause->args) == 3);
}

/// The last clause that was read for a kind: reading one takes longer than following a row.
struct {
    MemoryContext memory; // in CacheMemoryContext, of what follows
    char *when;
    Source source;
} last_read[2];

::Node *copy_of(const ::Node *node) {
    return static_cast<::Node *>(copyObjectImpl(node));
}

bool read_binding_again(Kind kind, const char *when, Source *source) {
    auto &last = last_read[static_cast<int>(kind)];
    if (last.memory == nullptr || when == nullptr || strcmp(last.when, when) != 0) {
        if (!read_binding(when, source))
            return false;
        MemoryContext memory =
            AllocSetContextCreate(CurrentMemoryContext, "integration_defaults binding", ALLOCSET_SMALL_SIZES);
        MemoryContext caller = MemoryContextSwitchTo(memory);
        char *copy = pstrdup(when);
        source->filter = copy_of(source->filter);
        MemoryContextSwitchTo(caller);
        MemoryContextSetParent(memory, CacheMemoryContext);
        if (last.memory != nullptr)
            MemoryContextDelete(last.memory);
        last = {memory, copy, *source};
    }
    *source = last.source;
    source->filter = copy_of(source->filter); // another clause may be read while this one is used
    return true;
}

} // namespace

Oid follow_function(Kind kind) {
    return own_trigger_function(kind == Kind::groups ? "follow_groups" : "follow_projects");
}

bool read_source(Relation relation, Kind kind, Source *source) {
    Oid function = follow_function(kind);
    TriggerDesc *triggers = relation->trigdesc; // after that look-up, which may have it read anew
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (trigger.tgfoid != function || parts_of(trigger) != follows_update ||
            trigger.tgisclone != relation->rd_rel->relispartition || !read_binding_again(kind, trigger.tgqual, source))
            continue;
        source->relation = RelationGetRelid(relation);
        return true;
    }
    return false;
}

namespace {

/// What follows a name in the arguments of the trigger that binds, or null. Of the relation as it is remembered.
const char *binding_argument(Relation relation, Kind kind, const char *name) {
    Oid function = follow_function(kind);
    TriggerDesc *triggers = relation->trigdesc; // after that look-up
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (trigger.tgfoid != function || parts_of(trigger) != follows_update)
            continue;
        for (int n = 0; n + 1 < trigger.tgnargs; n += 2)
            if (strcmp(trigger.tgargs[n], name) == 0)
                return trigger.tgargs[n + 1];
    }
    return nullptr;
}

} // namespace

const char *label_column(Relation relation, Kind kind) {
    const char *label = binding_argument(relation, kind, "label");
    return label == nullptr ? nullptr : pstrdup(label);
}

bool takes_orphans(Relation relation, Kind kind) {
    const char *orphans = binding_argument(relation, kind, "orphans");
    return orphans != nullptr && strcmp(orphans, "instance") == 0;
}

Oid root_of(Relation relation) {
    // none while it is being detached
    const Oid oid = RelationGetRelid(relation);
    List *ancestors = relation->rd_rel->relispartition ? get_partition_ancestors(oid) : NIL;
    if (ancestors != NIL)
        return llast_oid(ancestors);
    const Oid table = relation->rd_rel->relkind == RELKIND_RELATION ? table_of_shard(oid) : InvalidOid;
    return OidIsValid(table) ? table : oid;
}

List *relations_of(Oid root) {
    if (!is_distributed(root))
        return list_make1_oid(root);
    List *list = NIL;
    for (const Shard &shard : local_shards(root))
        list = lappend_oid(list, shard.relation);
    return list;
}

namespace {

uint8_t parts_of(int16 type, bool has_when, bool has_old_rows, bool has_new_rows) {
    if (TRIGGER_FOR_BEFORE(type))
        return !TRIGGER_FOR_ROW(type) && !has_when && TRIGGER_FOR_INSERT(type) && TRIGGER_FOR_UPDATE(type) &&
                       TRIGGER_FOR_DELETE(type) && TRIGGER_FOR_TRUNCATE(type)
                   ? checks
                   : 0;
    if (!TRIGGER_FOR_AFTER(type))
        return 0;
    const bool row = TRIGGER_FOR_ROW(type);
    if (row && TRIGGER_FOR_UPDATE(type))
        return has_when ? follows_update : 0;
    if (has_when)
        return 0;
    uint8_t parts = 0;
    if (TRIGGER_FOR_INSERT(type) && (row || has_new_rows))
        parts |= follows_insert;
    if (TRIGGER_FOR_DELETE(type) && (row || has_old_rows))
        parts |= follows_delete;
    if (TRIGGER_FOR_TRUNCATE(type))
        parts |= follows_truncate;
    return parts;
}

/// A trigger that calls a function of ours.
struct Hung {
    Oid relation;
    uint8_t parts;
    bool binds, fires;
};

Growing<Hung> triggers_of(Oid function) {
    Growing<Hung> found;
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(ProcedureRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(function));
    Relation depend = table_open(DependRelationId, AccessShareLock);
    Relation triggers = table_open(TriggerRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        auto *dependency = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        if (dependency->classid != TriggerRelationId)
            continue;
        ScanKeyData key;
        ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(dependency->objid));
        SysScanDesc one = systable_beginscan(triggers, TriggerOidIndexId, true, nullptr, 1, &key);
        HeapTuple row = systable_getnext(one);
        if (HeapTupleIsValid(row)) {
            auto *trigger = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
            auto has = [&](int column) { return !heap_attisnull(row, column, RelationGetDescr(triggers)); };
            const bool has_when = has(Anum_pg_trigger_tgqual), clone = OidIsValid(trigger->tgparentid);
            Hung hung = {
                trigger->tgrelid,
                parts_of(trigger->tgtype, has_when, has(Anum_pg_trigger_tgoldtable), has(Anum_pg_trigger_tgnewtable)),
                false, fires(trigger->tgenabled)};
            if (!clone && hung.parts == follows_update) {
                bool is_null;
                Source source;
                hung.binds = read_binding(TextDatumGetCString(heap_getattr(row, Anum_pg_trigger_tgqual,
                                                                           RelationGetDescr(triggers), &is_null)),
                                          &source);
            }
            found.add(hung);
        }
        systable_endscan(one);
    }
    systable_endscan(scan);
    table_close(triggers, AccessShareLock);
    table_close(depend, AccessShareLock);
    return found;
}

bool may_feed(Oid role) {
    return has_access(role, Access::admin);
}

/// A relation's owner, and whether it is one that can be tracked. No owner: it was dropped.
struct Owned {
    Oid owner;
    bool trackable;
};

Owned owned(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        return {InvalidOid, false};
    auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const Oid owner = form->relowner;
    const bool trackable = (form->relkind == RELKIND_RELATION || form->relkind == RELKIND_PARTITIONED_TABLE) &&
                           !form->relispartition && form->relpersistence != RELPERSISTENCE_TEMP &&
                           form->relnamespace != get_namespace_oid("integration_defaults", true);
    ReleaseSysCache(tuple);
    return {owner, trackable && !OidIsValid(table_of_shard(relation))};
}

/// The tracked table, of those that count. track_*() makes no second one, but the owner of a table that counts can put
/// our triggers there without it. Then a table of our owner's comes first, then the one with most of the triggers, then
/// the oldest.
Oid tracked_among(const Growing<Hung> &triggers, Oid ours) {
    Oid found = InvalidOid;
    int best = 0;
    for (const Hung &trigger : triggers) {
        if (!trigger.binds)
            continue;
        const auto [owner, trackable] = owned(trigger.relation);
        if (!trackable || !may_feed(owner))
            continue;
        uint8_t parts = 0;
        for (const Hung &other : triggers)
            if (other.relation == trigger.relation)
                parts |= other.parts;
        // What Citus has left of a shard that was split is no shard any more.
        const int rank =
            1 + __builtin_popcount(parts) + (owner == ours ? 100 : 0) + (is_distributed(trigger.relation) ? 50 : 0);
        if (rank > best || (rank == best && trigger.relation < found)) {
            found = trigger.relation;
            best = rank;
        }
    }
    return found;
}

/// A relation that lacks triggers, or has them disabled; InvalidOid: none does.
struct Incomplete {
    Oid relation;
    uint8_t parts;
};

/// A shard on this node of a table that Citus has distributed.
struct KnownShard {
    Oid relation;
    int64 id;
    bool taken_in;
};

/// `shards`: of a table that Citus has distributed.
Incomplete find_incomplete(const Growing<Hung> &triggers, Oid root, const KnownShard *shards, int count) {
    struct Whole {
        Oid relation;
        uint8_t on, off;
    };
    auto by_relation = [](const void *a, const void *b) {
        return oid_cmp(&static_cast<const Whole *>(a)->relation, &static_cast<const Whole *>(b)->relation);
    };
    List *relations = get_rel_relkind(root) == RELKIND_PARTITIONED_TABLE ? find_all_inheritors(root, NoLock, nullptr)
                                                                         : list_make1_oid(root);
    Growing<Whole> all;
    for (int i = 0; i < list_length(relations); i++)
        all.add({list_nth_oid(relations, i), 0, 0});
    for (int i = 0; i < count; i++)
        if (shards[i].taken_in)
            all.add({shards[i].relation, 0, 0});
    qsort(all.items, all.count, sizeof(Whole), by_relation);
    for (const Hung &trigger : triggers) {
        Whole wanted = {trigger.relation, 0, 0};
        if (auto *found = static_cast<Whole *>(bsearch(&wanted, all.items, all.count, sizeof(Whole), by_relation)))
            (trigger.fires ? found->on : found->off) |= trigger.parts;
    }
    for (const Whole &each : all)
        if (uint8_t needed = each.relation == root ? parts_of_table
                             : count > 0           ? parts_of_shard
                                                   : parts_of_partition | each.off;
            (needed & ~each.on) != 0)
            return {each.relation, static_cast<uint8_t>(needed & ~each.on)};
    return {InvalidOid, 0};
}

} // namespace

uint8_t parts_of(const Trigger &trigger) {
    return parts_of(trigger.tgtype, trigger.tgqual != nullptr, trigger.tgoldtable != nullptr,
                    trigger.tgnewtable != nullptr);
}

// --- C++ -------------------------------------------------------------------------------------------------------------

namespace {

struct {
    MemoryContext memory; // of the shards
    Oid relation[2];
    Incomplete incomplete[2];
    bool filtered[2], orphans[2];
    bool by_uuid[2];
    bool spread[2], left[2];
    KnownShard *shards[2];
    int shard_counts[2];
    bool valid;
} known;

/// Those of a distributed table on this node, beside what the trigger of our own table names as taken in.
void know_shards(Oid source, Kind kind) {
    const int n = static_cast<int>(kind);
    known.shard_counts[n] = 0;
    known.spread[n] = OidIsValid(source) && is_distributed(source);
    known.left[n] = false;
    if (!known.spread[n])
        return;
    MemoryContext caller = MemoryContextSwitchTo(known.memory);
    Growing<KnownShard> here;
    for (const Shard &shard : local_shards(source))
        here.add({shard.relation, shard.id, false});
    known.shards[n] = here.items;
    known.shard_counts[n] = here.count;
    MemoryContextSwitchTo(caller);
    Relation own = table_open(look_up(table_of(kind)).relation, AccessShareLock);
    const Trigger *record = find_trigger(own, "taken_in_shards");
    for (int i = 0; record != nullptr && i < record->tgnargs; i++) {
        const int64 id = strtoll(record->tgargs[i], nullptr, 10);
        bool found = false;
        for (KnownShard &shard : here)
            if (shard.id == id)
                found = shard.taken_in = true;
        known.left[n] = known.left[n] || !found;
    }
    table_close(own, AccessShareLock);
}

/// The server sends this message for any table on which a trigger is created or dropped, and for `access` when that
/// changes.
void forget() {
    known.valid = false;
}

/// Whether it has a filter, takes orphans, and whether its ids are uuids.
void know_binding(Oid source, Kind kind, bool *filtered, bool *orphans, bool *by_uuid) {
    *filtered = *orphans = *by_uuid = false;
    if (!OidIsValid(source))
        return;
    // A TRUNCATE of a table that Citus has distributed holds it in another session of the same transaction than the one
    // that truncates a shard. So it is looked at as it is in the relation cache.
    const bool distributed = is_distributed(source);
    Relation relation = distributed ? RelationIdGetRelation(source) : try_relation_open(source, AccessShareLock);
    if (relation == nullptr)
        return;
    Source binding;
    if (read_source(relation, kind, &binding)) {
        *filtered = binding.filter != nullptr;
        *orphans = takes_orphans(relation, kind);
        *by_uuid = getBaseType(TupleDescAttr(RelationGetDescr(relation), binding.id - 1)->atttypid) == UUIDOID;
    }
    if (distributed)
        RelationClose(relation);
    else
        relation_close(relation, AccessShareLock);
}

void know_tracked() {
    const Oid ours = our_owner();
    guard([&] {
        renew(known.valid, [&] {
            if (known.memory == nullptr)
                known.memory =
                    AllocSetContextCreate(CacheMemoryContext, "integration_defaults shards", ALLOCSET_SMALL_SIZES);
            MemoryContextReset(known.memory);
            for (Kind kind : all_kinds) {
                const int n = static_cast<int>(kind);
                Oid function = follow_function(kind);
                Growing<Hung> triggers;
                if (OidIsValid(function))
                    triggers = triggers_of(function);
                const Oid relation = known.relation[n] = tracked_among(triggers, ours);
                know_shards(relation, kind);
                known.incomplete[n] = OidIsValid(relation)
                                          ? find_incomplete(triggers, relation, known.shards[n], known.shard_counts[n])
                                          : Incomplete{InvalidOid, 0};
                know_binding(known.relation[n], kind, &known.filtered[n], &known.orphans[n], &known.by_uuid[n]);
            }
        });
    });
}

} // namespace

Oid tracked_relation(Kind kind) {
    if (!known.valid)
        know_tracked();
    return known.relation[static_cast<int>(kind)];
}

bool is_spread(Kind kind) {
    tracked_relation(kind);
    return known.spread[static_cast<int>(kind)];
}

bool was_taken_in(Kind kind, Oid shard) {
    tracked_relation(kind);
    const int n = static_cast<int>(kind);
    for (int i = 0; i < known.shard_counts[n]; i++)
        if (known.shards[n][i].relation == shard)
            return known.shards[n][i].taken_in;
    return false;
}

bool shards_have_left(Kind kind) {
    tracked_relation(kind);
    return known.left[static_cast<int>(kind)];
}

int shards_arrived(Kind kind) {
    int count = 0;
    tracked_relation(kind);
    const int n = static_cast<int>(kind);
    for (int i = 0; i < known.shard_counts[n]; i++)
        count += known.shards[n][i].taken_in ? 0 : 1;
    return count;
}

void require_feeding(Oid relation, Kind kind) {
    struct Owner {
        bool may_feed;
        const char *name;
    };
    Owner owner = guard([&]() -> Owner {
        Oid role = owned(relation).owner;
        if (!OidIsValid(role))
            return {true, nullptr}; // dropped
        return {may_feed(role), GetUserNameFromId(role, true)};
    });
    if (owner.may_feed)
        return;
    const char *own = cat("integration_defaults.", name_of(kind));
    throw Refusal(ERRCODE_INSUFFICIENT_PRIVILEGE,
                  cat("role ", owner.name == nullptr ? "that was dropped" : owner.name, ", the owner of table ",
                      relation_name(relation), ", may not change ", own))
        .detail(cat("Whoever owns a table that ", name_of(kind), " follow decides what they are."))
        .hint(cat("The owner needs admin access: an administrator can run integration_defaults.grant_access(",
                  owner.name == nullptr ? "..." : guard([&] { return quote_literal_cstr(owner.name); }),
                  ", 'admin')."));
}

void require_followed(Oid root, Kind kind) {
    const int n = static_cast<int>(kind);
    if (tracked_relation(kind) == root && !OidIsValid(known.incomplete[n].relation))
        return;
    require_feeding(root, kind);
    const char *name = relation_name(root);
    const char *way_out =
        "resync() creates and enables triggers that are missing or disabled; untrack() drops them all.";
    if (tracked_relation(kind) == root) {
        const Incomplete found = known.incomplete[n];
        const char *names = "";
        auto add = [&](uint8_t part, const char *event) {
            if (found.parts & part)
                names = cat(names, *names == '\0' ? "" : ", ", "integration_defaults_", name_of(kind), "_", event);
        };
        add(follows_insert, "insert");
        add(follows_update, "update");
        add(follows_delete, "delete");
        add(follows_truncate, "truncate");
        add(checks, "check");
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("table ", name, " is tracked, but not all of its triggers are there and enabled"))
            .detail(cat("Missing or disabled on ", relation_name(found.relation), ": ", names, "."))
            .hint(way_out);
    }
    if (Oid other = tracked_relation(kind); OidIsValid(other))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("table ", name, " is not tracked for ", name_of(kind)))
            .detail(cat("They are tracked in table ", relation_name(other), "."))
            .hint("untrack() drops its triggers.");
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, cat("table ", name, " is not tracked for ", name_of(kind)))
        .detail("It has triggers for that, but not the one for UPDATE that says how; or it is no table that can be "
                "tracked.")
        .hint("untrack() drops them; track_groups() and track_projects() create all of them.");
}

void require_untracked(Kind kind) {
    Oid source = tracked_relation(kind);
    if (!OidIsValid(source))
        return;
    const char *name = relation_name(source);
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  cat(name_of(kind), " are tracked in table ", name, " and can't be changed by hand"))
        .hint(cat("Change table ", name, ", or stop tracking it with untrack()."));
}

bool is_filtered(Kind kind) {
    if (!known.valid)
        know_tracked();
    return known.filtered[static_cast<int>(kind)];
}

std::optional<Datum> as_tracked_uuid(Kind kind, std::string_view id) {
    constexpr int digits = 32;
    if (id.size() < digits || id.size() > digits + 9)
        return std::nullopt;
    if (id.front() == '{' && id.back() == '}')
        id = id.substr(1, id.size() - 2);
    char uuid[digits + 4];
    int length = 0, read = 0;
    char before = '-';
    for (char c : id) {
        const bool parts = c == '-' && before != '-' && read < digits && read % 4 == 0;
        before = c;
        if (parts)
            continue;
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
        if (read == digits || !((lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f')))
            return std::nullopt;
        if (read == 8 || read == 12 || read == 16 || read == 20)
            uuid[length++] = '-';
        uuid[length++] = lower;
        read++;
    }
    if (!known.valid)
        know_tracked();
    if (read < digits || !known.by_uuid[static_cast<int>(kind)])
        return std::nullopt;
    return text_datum({uuid, static_cast<size_t>(length)});
}

bool groups_are_filtered() {
    guard([] { AcceptInvalidationMessages(); }); // as locking the table would
    return is_filtered(Kind::groups);
}

bool takes_orphans(Kind kind) {
    guard([] { AcceptInvalidationMessages(); });
    if (!known.valid)
        know_tracked();
    return known.orphans[static_cast<int>(kind)];
}

const char *relation_name(Oid relation) {
    return guard([&]() -> const char * {
        char *name = get_rel_name(relation);
        char *schema = get_namespace_name(get_rel_namespace(relation));
        return name == nullptr || schema == nullptr ? "that was dropped" : quote_qualified_identifier(schema, name);
    });
}

/// read_tracked_tables() → (kind, source, id_column, parent_column, filter, label_column, orphans)
INTD_FUNCTION(read_tracked_tables) {
    require_access(Access::read);
    ResultSet result(fcinfo);
    for (Kind kind : all_kinds) {
        Oid tracked = tracked_relation(kind);
        if (!OidIsValid(tracked))
            continue;
        struct Described {
            bool there;
            Oid relation;
            Datum id, parent, filter, label;
            bool orphans;
        };
        Described source = guard([&] {
            Described described = {};
            Relation relation = try_relation_open(tracked, AccessShareLock);
            if (relation == nullptr)
                return described;
            Source binding;
            if (read_source(relation, kind, &binding)) {
                auto name = [](const char *text) { return DirectFunctionCall1(namein, CStringGetDatum(text)); };
                auto column_name = [&](AttrNumber column) {
                    return name(NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname));
                };
                described.there = true;
                described.relation = binding.relation;
                described.id = column_name(binding.id);
                described.parent = column_name(binding.parent);
                if (binding.filter != nullptr) {
                    List *context = deparse_context_for(RelationGetRelationName(relation), binding.relation);
                    described.filter = CStringGetTextDatum(deparse_expression(binding.filter, context, false, false));
                }
                if (const char *label = label_column(relation, kind))
                    described.label = name(label);
                described.orphans = takes_orphans(relation, kind);
            }
            relation_close(relation, AccessShareLock);
            return described;
        });
        auto optional = [](Datum value) { return value == 0 ? std::nullopt : std::optional<Datum>(value); };
        if (source.there)
            result.add({text_datum(name_of(kind)), ObjectIdGetDatum(source.relation), source.id, source.parent,
                        optional(source.filter), optional(source.label),
                        text_datum(source.orphans ? "instance" : "refuse")});
    }
    return static_cast<Datum>(0);
}

void watch_tracked() {
    feeding.tracked_relation = tracked_relation;
    feeding.require_untracked = require_untracked;
    feeding.is_spread = is_spread;
    on_relation_change([](Oid) { forget(); });
    on_role_change(forget);
}

} // namespace intd
