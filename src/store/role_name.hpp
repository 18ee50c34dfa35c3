// The type role_name: a role in a table of ours, by its oid, with the name that it had when it was written there. So a
// rename is followed, and a role that is dropped and made again, which has another oid, is another role. A dump has the
// name. A name that no role has when it comes in has no oid, and is nobody, whoever is called so later.
//
// Not regrole: where a role is missing that fails a whole COPY, and it writes a dropped role as a number, which may be
// somebody else's where the dump is restored.
#pragma once

#include "postgres/server.hpp"

namespace intd {

/// As it is stored: 68 bytes, the name filled up with zeros.
struct RoleName {
    Oid oid; // InvalidOid: nobody
    NameData name;
};
static_assert(sizeof(RoleName) == sizeof(Oid) + NAMEDATALEN);

/// The name that the role has now; of one that is gone, the name that it had.
const char *present_name(const RoleName *role);

} // namespace intd
