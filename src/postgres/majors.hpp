// What differs between majors 14 to 18 of the server. Included by server.hpp, inside its extern "C".
#pragma once

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/// The primary key's index of an open relation, or InvalidOid.
static inline Oid primary_key_index(Relation relation) {
#if PG_VERSION_NUM >= 180000
    return RelationGetPrimaryKeyIndex(relation, false);
#else
    return RelationGetPrimaryKeyIndex(relation);
#endif
}
