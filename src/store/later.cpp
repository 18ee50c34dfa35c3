#include "store/later.hpp"

#include "postgres/boundary.hpp"

extern "C" {
#include "access/relation.h"
}

namespace intd {

bool is_there(const LaterColumn &column) {
    return guard([&] {
        const Oid oid = get_relname_relid(column.table, get_namespace_oid("integration_defaults", false));
        if (!OidIsValid(oid))
            return false;
        Relation relation = relation_open(oid, AccessShareLock);
        TupleDesc shape = RelationGetDescr(relation);
        bool found = false;
        for (int i = 0; i < shape->natts && !found; i++) {
            Form_pg_attribute attribute = TupleDescAttr(shape, i);
            found = !attribute->attisdropped && attribute->atttypid == column.type &&
                    strcmp(NameStr(attribute->attname), column.name) == 0;
        }
        relation_close(relation, NoLock);
        return found;
    });
}

} // namespace intd
