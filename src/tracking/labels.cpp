#include "tracking/labels.hpp"

#include "postgres/query.hpp"
#include "tracking/rows.hpp"
#include "tracking/table_owner.hpp"

extern "C" {
#include "access/relation.h"
#include "utils/rls.h"
}

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

struct Label {
    Datum id, text;
};

bool may_select(Relation relation, std::initializer_list<AttrNumber> columns) {
    const Oid oid = RelationGetRelid(relation), user = GetUserId();
    if (check_enable_rls(oid, user, true) == RLS_ENABLED)
        return false;
    if (pg_class_aclcheck(oid, user, ACL_SELECT) == ACLCHECK_OK)
        return true;
    for (AttrNumber column : columns)
        if (pg_attribute_aclcheck(oid, column, user, ACL_SELECT) != ACLCHECK_OK)
            return false;
    return true;
}

Growing<Label> read_labels(Oid oid, Datum ids) {
    Growing<Label> labels;
    Relation relation = try_relation_open(oid, AccessShareLock);
    if (relation == nullptr)
        return labels;
    Source source;
    const char *name = label_column(relation, Kind::groups);
    const AttrNumber column = name == nullptr ? InvalidAttrNumber : get_attnum(oid, name);
    if (column > 0 && read_source(relation, Kind::groups, &source) && may_select(relation, {source.id, column})) {
        Form_pg_attribute id = TupleDescAttr(RelationGetDescr(relation), source.id - 1);
        const char *quoted_id = quote_identifier(NameStr(id->attname));
        const char *id_text =
            getBaseType(id->atttypid) == NUMERICOID
                ? psprintf("pg_catalog.trim_scale(x.%s::pg_catalog.numeric)::pg_catalog.text", quoted_id)
                : psprintf("x.%s::pg_catalog.text", quoted_id);
        const char *text =
            psprintf("SELECT y.id, y.label FROM (SELECT %s COLLATE pg_catalog.\"C\" AS id, "
                     "x.%s::pg_catalog.text AS label FROM %s x OFFSET 0) y WHERE y.id OPERATOR(pg_catalog.=) ANY ($1)",
                     id_text, quote_identifier(name),
                     quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                                RelationGetRelationName(relation)));
        TableOwner owner;
        owner.enter(relation, GetUserId());
        Connection connection;
        Oid types[] = {TEXTARRAYOID};
        const uint64 found = connection.read(prepare_over(relation, text, 1, types), &ids);
        for (uint64 row = 0; row < found; row++) {
            std::optional<Datum> key = connection.result(row, 0), label = connection.result(row, 1);
            MemoryContext inside = MemoryContextSwitchTo(connection.caller());
            if (key && label)
                labels.add({*key, *label});
            MemoryContextSwitchTo(inside);
        }
        connection.finish();
        owner.leave();
    }
    relation_close(relation, AccessShareLock);
    return labels;
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

Labels group_labels(const std::pmr::vector<std::string_view> &ids, std::pmr::memory_resource *memory) {
    Labels labels(memory);
    const Oid source = ids.empty() ? InvalidOid : tracked_relation(Kind::groups);
    if (!OidIsValid(source))
        return labels;
    const Datum wanted = text_array(ids);
    for (const Label &label : guard([&] {
             List *relations = relations_of(source); // of a reference table the copy on this node
             return relations == NIL ? Growing<Label>() : read_labels(linitial_oid(relations), wanted);
         }))
        labels.emplace(view(label.id), view(label.text));
    return labels;
}

} // namespace intd
