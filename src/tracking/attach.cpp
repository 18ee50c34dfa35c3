#include "tracking/attach.hpp"

#include "tracking/filter.hpp"
#include "postgres/query.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "lib/stringinfo.h"
}

namespace intd {
namespace {

const char *qualified_name(Relation relation) {
    return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                      RelationGetRelationName(relation));
}

/// How the old and the new value of a column are compared. They are compared as text where the type has no equality of
/// its own, or where values that it takes for equal may differ as text.
const char *compare(Relation relation, AttrNumber column) {
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    const char *name = quote_identifier(NameStr(attribute->attname));
    bool as_it_is = false;
    switch (getBaseType(attribute->atttypid)) {
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case NUMERICOID:
    case UUIDOID:
        as_it_is = true;
        break;
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
        as_it_is = get_collation_isdeterministic(attribute->attcollation);
        break;
    default:
        break;
    }
    return as_it_is ? psprintf("old.%s IS DISTINCT FROM new.%s", name, name)
                    : psprintf("old.%s::pg_catalog.text COLLATE pg_catalog.\"C\" IS DISTINCT FROM "
                               "new.%s::pg_catalog.text COLLATE pg_catalog.\"C\"",
                               name, name);
}

const char *binding(Relation relation, const Source *source) {
    const char *columns = psprintf("%s OR %s", compare(relation, source->id), compare(relation, source->parent));
    return source->filter == nullptr
               ? columns
               : psprintf("%s OR (%s) IS DISTINCT FROM (%s)", columns, filter_text(relation, source->filter, "old"),
                          filter_text(relation, source->filter, "new"));
}

/// What the relation has of our triggers.
uint8_t present(Relation relation, Oid function) {
    uint8_t found = 0;
    TriggerDesc *triggers = relation->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if (triggers->triggers[i].tgfoid == function)
            found |= parts_of(triggers->triggers[i]);
    return found;
}

/// ENABLE for triggers of ours that would not fire, added to a list of commands.
List *enabling(List *list, Relation relation, Oid function) {
    const char *name = qualified_name(relation);
    TriggerDesc *triggers = relation->trigdesc; // after that look-up, which may have it read anew
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if (const Trigger &trigger = triggers->triggers[i]; trigger.tgfoid == function && !fires(trigger.tgenabled))
            list = lappend(list,
                           psprintf("ALTER TABLE ONLY %s ENABLE TRIGGER %s", name, quote_identifier(trigger.tgname)));
    return list;
}

/// The arguments of the trigger that binds.
const char *binding_arguments(const char *label, bool orphans) {
    return psprintf("%s%s%s", label == nullptr ? "" : psprintf("'label', %s", quote_literal_cstr(label)),
                    label != nullptr && orphans ? ", " : "", orphans ? "'orphans', 'instance'" : "");
}

/// The commands that one relation needs, as a list of strings: CREATE TRIGGER, and ENABLE for what would not fire.
List *commands(Relation relation, Kind kind, const Source *source, const char *label, bool orphans) {
    const Oid function = follow_function(kind);
    const bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
    const bool partition = relation->rd_rel->relispartition;
    const uint8_t missing = parts_of_table & ~present(relation, function);
    List *list = NIL;
    const char *arguments = partition ? "'partition'" : "";
    auto add = [&](Part part, const char *name, const char *when, const char *what, const char *given) {
        if (missing & part)
            list = lappend(list,
                           psprintf("CREATE TRIGGER integration_defaults_%s_%s %s ON %s %s "
                                    "EXECUTE FUNCTION integration_defaults.follow_%s(%s)",
                                    name_of(kind), name, when, qualified_name(relation), what, name_of(kind), given));
    };
    if (!partition) {
        if (source != nullptr)
            add(follows_update, "update", "AFTER UPDATE", psprintf("FOR EACH ROW WHEN (%s)", binding(relation, source)),
                binding_arguments(label, orphans));
        add(follows_insert, "insert", "AFTER INSERT",
            partitioned ? "FOR EACH ROW" : "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT", arguments);
        add(follows_delete, "delete", "AFTER DELETE",
            partitioned ? "FOR EACH ROW" : "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT", arguments);
        add(follows_truncate, "truncate", "AFTER TRUNCATE", "FOR EACH STATEMENT", arguments);
    }
    if (relation->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
        add(checks, "check", "BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT", arguments);
    return enabling(list, relation, function);
}

/// The same of a shard, by the binding of its table. The names are those under which Citus would make the shards'
/// triggers of the table's, so that it drops them with these. Columns have the same names, but not the same numbers.
List *shard_commands(Relation shard, int64 id, Relation table, Kind kind, const Source *source) {
    const Oid function = follow_function(kind);
    const uint8_t missing = parts_of_shard & ~present(shard, function);
    List *list = NIL;
    auto add = [&](Part part, const char *name, const char *when, const char *what, const char *given) {
        if (missing & part)
            list = lappend(list,
                           psprintf("CREATE TRIGGER integration_defaults_%s_%s_" INT64_FORMAT " %s ON %s %s "
                                    "EXECUTE FUNCTION integration_defaults.follow_%s(%s)",
                                    name_of(kind), name, id, when, qualified_name(shard), what, name_of(kind), given));
    };
    add(follows_update, "update", "AFTER UPDATE", psprintf("FOR EACH ROW WHEN (%s)", binding(table, source)),
        binding_arguments(label_column(table, kind), takes_orphans(table, kind)));
    add(follows_insert, "insert", "AFTER INSERT", "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT", "");
    add(follows_delete, "delete", "AFTER DELETE", "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT", "");
    add(checks, "check", "BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT", "");
    return enabling(list, shard, function);
}

} // namespace

List *missing_shard_triggers(Relation shard, int64 id, Relation table, Kind kind) {
    Source source;
    return read_source(table, kind, &source) ? shard_commands(shard, id, table, kind, &source) : NIL;
}

void create_triggers(Oid oid, Kind kind, const Source *source, const char *label, bool orphans) {
    List *relations = find_all_inheritors(oid, ShareRowExclusiveLock, nullptr);
    for (int i = 0; i < list_length(relations); i++) {
        CHECK_FOR_INTERRUPTS();
        Relation relation = table_open(list_nth_oid(relations, i), NoLock);
        List *list = commands(relation, kind, source, label, orphans);
        table_close(relation, NoLock);
        for (int n = 0; n < list_length(list); n++)
            run_command(static_cast<const char *>(list_nth(list, n)));
    }
}

List *missing_triggers(Oid oid, Kind kind) {
    List *relations = find_all_inheritors(oid, AccessShareLock, nullptr), *list = NIL;
    for (int i = 0; i < list_length(relations); i++) {
        CHECK_FOR_INTERRUPTS();
        Relation relation = table_open(list_nth_oid(relations, i), NoLock);
        list = list_concat(list, commands(relation, kind, nullptr, nullptr, false));
        table_close(relation, NoLock);
    }
    return list;
}

int drop_triggers(Oid oid, Kind kind) {
    Oid function = follow_function(kind);
    List *relations = find_all_inheritors(oid, ShareRowExclusiveLock, nullptr), *list = NIL;
    for (int i = 0; i < list_length(relations); i++) {
        Relation relation = table_open(list_nth_oid(relations, i), NoLock);
        const char *name = qualified_name(relation);
        TriggerDesc *triggers = relation->trigdesc; // after that look-up, which may have it read anew
        for (int n = 0; triggers != nullptr && n < triggers->numtriggers; n++)
            // A partition's row triggers are clones, which go with those that they were cloned from.
            if (const Trigger &trigger = triggers->triggers[n]; trigger.tgfoid == function && !trigger.tgisclone)
                list = lappend(list, psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger.tgname), name));
        table_close(relation, NoLock);
    }
    for (int n = 0; n < list_length(list); n++)
        run_command(static_cast<const char *>(list_nth(list, n)));
    return list_length(list);
}

} // namespace intd
