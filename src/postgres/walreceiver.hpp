// The connection to a publisher's server: the server's own, by which a subscription's workers come, too. It knows what
// majors 15 to 18 call differently.
#pragma once

#include "postgres/boundary.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_subscription.h"
#include "commands/subscriptioncmds.h"
#include "replication/walreceiver.h"
}

namespace intd {

// Server code: raises reports. load_walreceiver() comes before the others.

inline void load_walreceiver() {
    load_file("libpqwalreceiver", false);
}

/// Whether the current user may make subscriptions, if he may make objects in the database.
inline bool may_subscribe() {
#if PG_VERSION_NUM >= 160000
    return has_privs_of_role(GetUserId(), ROLE_PG_CREATE_SUBSCRIPTION);
#else
    return superuser();
#endif
}

/// Whether the connection of a role must give a password: else it would be made as whom the server itself runs as.
inline bool needs_password(Oid role) {
    return !superuser_arg(role);
}
inline bool needs_password(const Subscription *subscription) {
#if PG_VERSION_NUM >= 160000
    return subscription->passwordrequired && needs_password(subscription->owner);
#else
    return needs_password(subscription->owner);
#endif
}

/// A connection for replication that can also run queries; null, and why, if it fails. Raises if the string is wrong.
inline WalReceiverConn *connect_to_publisher(const char *connection, bool needs_password, char **error) {
    constexpr char name[] = "integration_defaults";
#if PG_VERSION_NUM >= 160000
    walrcv_check_conninfo(connection, needs_password);
#else
    walrcv_check_conninfo(connection);
#endif
#if PG_VERSION_NUM >= 170000
    return walrcv_connect(connection, true, true, needs_password, name, error);
#elif PG_VERSION_NUM >= 160000
    return walrcv_connect(connection, true, needs_password, name, error);
#else
    return walrcv_connect(connection, true, name, error);
#endif
}

/// A slot that stays.
inline void create_slot(WalReceiverConn *connection, const char *name) {
    XLogRecPtr begins;
#if PG_VERSION_NUM >= 170000
    walrcv_create_slot(connection, name, false, false, false, CRS_NOEXPORT_SNAPSHOT, &begins);
#else
    walrcv_create_slot(connection, name, false, false, CRS_NOEXPORT_SNAPSHOT, &begins);
#endif
}

} // namespace intd
