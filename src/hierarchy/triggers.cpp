#include "hierarchy/triggers.hpp"

#include "hierarchy/filter.hpp"

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

/// How the old and the new value of a column are compared. Where a type's own equality takes values for the same
/// that read differently as text, or where it has none, they are compared as text.
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

/// Which of our triggers a relation has, as bits of TRIGGER_TYPE_INSERT and so on.
int present(Relation relation, Oid function) {
    int found = 0;
    TriggerDesc *triggers = relation->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if (triggers->triggers[i].tgfoid == function)
            found |= triggers->triggers[i].tgtype & TRIGGER_TYPE_EVENT_MASK;
    return found;
}

void run(const char *command) {
    SPI_connect();
    int code = SPI_execute(command, false, 0);
    if (code < 0)
        elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
    SPI_finish();
}

/// The CREATE TRIGGER commands that one relation needs, as a list of strings.
List *commands(Relation relation, Kind kind, const Source *source) {
    bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
    bool partition = relation->rd_rel->relispartition;
    int missing = TRIGGER_TYPE_EVENT_MASK & ~present(relation, follow_function(kind));
    List *list = NIL;
    auto add = [&](int event, const char *name, const char *when, const char *what) {
        if (missing & event)
            list = lappend(list, psprintf("CREATE TRIGGER integration_defaults_%s_%s %s ON %s %s "
                                          "EXECUTE FUNCTION integration_defaults.follow_%s()",
                                          name_of(kind), name, when, qualified_name(relation), what, name_of(kind)));
    };
    if (partition) {
        add(TRIGGER_TYPE_TRUNCATE, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT");
        return list;
    }
    if (source != nullptr)
        add(TRIGGER_TYPE_UPDATE, "update", "AFTER UPDATE",
            psprintf("FOR EACH ROW WHEN (%s)", binding(relation, source)));
    add(TRIGGER_TYPE_INSERT, "insert", "AFTER INSERT",
        partitioned ? "FOR EACH ROW" : "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT");
    add(TRIGGER_TYPE_DELETE, "delete", "AFTER DELETE",
        partitioned ? "FOR EACH ROW" : "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT");
    add(TRIGGER_TYPE_TRUNCATE, "truncate", "AFTER TRUNCATE", "FOR EACH STATEMENT");
    return list;
}

/// The relation and the partitions that hold its rows.
List *with_partitions(Oid relation) {
    List *all = find_all_inheritors(relation, ShareRowExclusiveLock, nullptr);
    List *wanted = NIL;
    for (int i = 0; i < list_length(all); i++)
        if (Oid each = list_nth_oid(all, i); each == relation || get_rel_relkind(each) == RELKIND_RELATION)
            wanted = lappend_oid(wanted, each);
    return wanted;
}

} // namespace

void create_triggers(Oid oid, Kind kind, const Source *source) {
    List *relations = with_partitions(oid);
    for (int i = 0; i < list_length(relations); i++) {
        CHECK_FOR_INTERRUPTS();
        Relation relation = table_open(list_nth_oid(relations, i), NoLock);
        List *list = commands(relation, kind, source);
        table_close(relation, NoLock);
        for (int n = 0; n < list_length(list); n++)
            run(static_cast<const char *>(list_nth(list, n)));
    }
}

int drop_triggers(Oid oid, Kind kind) {
    Oid function = follow_function(kind);
    List *relations = with_partitions(oid), *list = NIL;
    for (int i = 0; i < list_length(relations); i++) {
        Relation relation = table_open(list_nth_oid(relations, i), NoLock);
        TriggerDesc *triggers = relation->trigdesc;
        for (int n = 0; triggers != nullptr && n < triggers->numtriggers; n++)
            // A partition's row triggers are clones, which go with those that they were cloned from.
            if (const Trigger &trigger = triggers->triggers[n];
                trigger.tgfoid == function &&
                (!relation->rd_rel->relispartition || TRIGGER_FOR_TRUNCATE(trigger.tgtype)))
                list = lappend(list, psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger.tgname),
                                              qualified_name(relation)));
        table_close(relation, NoLock);
    }
    for (int n = 0; n < list_length(list); n++)
        run(static_cast<const char *>(list_nth(list, n)));
    return list_length(list);
}

} // namespace intd
