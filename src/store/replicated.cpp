#include "store/replicated.hpp"

#include "postgres/invalidation.hpp"
#include "store/owner.hpp"
#include "store/relation.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_subscription_rel.h"
#include "utils/fmgroids.h"
}

namespace intd {
namespace {

constexpr Table small[] = {Table::integrations, Table::groups, Table::instance_settings, Table::group_settings};

/// The subscription that fills each of these, or InvalidOid; of others nothing is asked.
struct {
    bool valid;
    Oid relations[table_count], subscriptions[table_count];
} known;

void forget() {
    known.valid = false;
}

void forget_relation(Oid relation) {
    if (relation == InvalidOid ||
        std::find(std::begin(known.relations), std::end(known.relations), relation) != std::end(known.relations))
        known.valid = false;
}

/// Server code.
Oid find_subscription(Oid relation) {
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_subscription_rel_srrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
    Relation subscribed = table_open(SubscriptionRelRelationId, AccessShareLock);
    // Its one index, whose name differs by major, is not needed: the rows are as few as the tables.
    SysScanDesc scan = systable_beginscan(subscribed, InvalidOid, false, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    const Oid subscription =
        HeapTupleIsValid(tuple) ? reinterpret_cast<Form_pg_subscription_rel>(GETSTRUCT(tuple))->srsubid : InvalidOid;
    systable_endscan(scan);
    table_close(subscribed, AccessShareLock);
    return subscription;
}

Oid subscription_of(Table table) {
    if (!known.valid)
        guard([] {
            renew(known.valid, [] {
                for (Table own : small) {
                    const int i = static_cast<int>(own);
                    known.relations[i] = look_up(own).relation;
                    known.subscriptions[i] = find_subscription(known.relations[i]);
                }
            });
        });
    return known.subscriptions[static_cast<int>(table)];
}

} // namespace

bool is_replicated(Table table) {
    return OidIsValid(subscription_of(table));
}

void require_unreplicated(Table table) {
    const Oid subscription = subscription_of(table);
    if (!OidIsValid(subscription) || SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA || restoring())
        return;
    const char *name = guard([&] { return get_subscription_name(subscription, true); });
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  cat("integration_defaults.", declared_as(table).name, " is filled by subscription \"",
                      name == nullptr ? "" : name, "\""))
        .detail("Types, groups and their settings come from the database that publishes them; projects and their "
                "settings are this database's own.")
        .hint("Write there, and it arrives here. integration_defaults.unsubscribe_defaults() ends that.");
}

void watch_replicated() {
    on_subscription_change(forget);
    on_relation_change(forget_relation);
}

} // namespace intd
