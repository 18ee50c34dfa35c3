// subscribe_defaults() and unsubscribe_defaults(). They are procedures, because both have to commit on their way: the
// copy begins when the subscription has been committed, and the publisher's slot can't be taken back by a rollback.
//
// The slot comes first, before this transaction has a number: making one waits for all transactions with one, which
// would be this one, too, where both databases are on one server. CREATE SUBSCRIPTION would make it itself, and refuses
// to do that in a function. At the end the slot goes last: what fails before leaves the subscription as it was.
#include "hierarchy/arguments.hpp"
#include "postgres/query.hpp"
#include "shards/publisher.hpp"
#include "shards/subscribe.hpp"
#include "store/access.hpp"
#include "store/relation.hpp"
#include "store/replicated.hpp"
#include "store/store.hpp"
#include "tracking/tracked.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/pg_subscription_rel.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/wait_event.h"
}

namespace intd {
namespace {

constexpr char subscription_name[] = "integration_defaults";

/// What comes from the publisher.
struct Tables {
    const Table *begin_;
    int count;
    const char *names; // as Publisher::require_publication() takes them

    const Table *begin() const { return begin_; }
    const Table *end() const { return begin_ + count; }
};

// Each in the order in which writers lock them.
constexpr Table all_four[] = {Table::integrations, Table::groups, Table::instance_settings, Table::group_settings};
constexpr Table all_but_groups[] = {Table::integrations, Table::instance_settings, Table::group_settings};
constexpr Tables of_shard = {all_four, 4,
                             "integration_defaults.group_settings, integration_defaults.groups, "
                             "integration_defaults.instance_settings, integration_defaults.integrations"};
/// A node of Citus' has its groups from its copy of the table that is tracked for them.
constexpr Tables of_node = {all_but_groups, 3,
                            "integration_defaults.group_settings, integration_defaults.instance_settings, "
                            "integration_defaults.integrations"};

// --- server code -----------------------------------------------------------------------------------------------------

Oid subscription() {
    return get_subscription_oid(subscription_name, true);
}

/// One for each shard of a publisher, whichever server it is on.
const char *slot_name() {
    return psprintf("integration_defaults_" UINT64_FORMAT "_%u", GetSystemIdentifier(), MyDatabaseId);
}

void commit() {
    SPI_connect_ext(SPI_OPT_NONATOMIC);
    SPI_commit();
    SPI_finish();
}

/// How many tables are still being copied.
int count_copying(Oid subscription, const Tables &tables) {
    AcceptInvalidationMessages();
    InvalidateCatalogSnapshot();
    int copying = 0;
    for (Table table : tables) {
        XLogRecPtr lsn;
        const char state = GetSubscriptionRelState(subscription, look_up(table).relation, &lsn);
        copying += state != SUBREL_STATE_READY;
    }
    return copying;
}

int64 failed_copies(Oid subscription) {
    pgstat_clear_snapshot();
    const PgStat_StatSubEntry *found = pgstat_fetch_stat_subscription(subscription);
    return found == nullptr ? 0 : found->sync_error_count;
}

void pause() {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 50, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
}

} // namespace

void commit_now() {
    commit();
}

// --- C++ -------------------------------------------------------------------------------------------------------------

void require_procedure(FunctionCallInfo fcinfo, const char *name) {
    const auto *context = reinterpret_cast<const CallContext *>(fcinfo->context);
    if (context == nullptr || !IsA(context, CallContext) || context->atomic)
        throw Refusal(ERRCODE_ACTIVE_SQL_TRANSACTION, cat(name, " can't run inside a transaction"))
            .detail("It commits on its way.")
            .hint("CALL it by itself, outside of BEGIN and COMMIT, and of functions.");
}

/// With the caller's rights the server asks for the rest.
void require_subscriber() {
    require_access(Access::admin);
    if (!guard(may_subscribe))
        throw Refusal(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to create or drop a subscription")
            .hint("Superusers may do that, and since PostgreSQL 16 roles with the rights of pg_create_subscription.");
}

namespace {

void require_unsubscribed() {
    if (OidIsValid(guard(subscription)))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "this database has subscribed already")
            .hint("CALL integration_defaults.unsubscribe_defaults() ends that; status() says how it is.");
    for (Table table : all_four)
        if (is_replicated(table))
            throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                          cat("integration_defaults.", declared_as(table).name, " is filled by a subscription already"))
                .hint("DROP SUBSCRIPTION ends that.");
}

void require_untracked_groups() {
    if (const Oid source = tracked_relation(Kind::groups); OidIsValid(source))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("groups are tracked here, in table ", relation_name(source)))
            .detail("The groups of a shard are the publisher's.")
            .hint("Stop tracking it with untrack().");
}

/// The newest state; nobody writes there while the tables are locked.
void require_empty(const Tables &tables) {
    NewestState newest;
    for (Table table : tables)
        if (live.keys(table).count > 0)
            throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                          cat("integration_defaults.", declared_as(table).name, " has rows"))
                .detail("The publisher's rows would meet them.")
                .hint("They have to go first. Where projects are to stay: SET session_replication_role = replica; "
                      "TRUNCATE "
                      "integration_defaults.integrations, integration_defaults.groups, "
                      "integration_defaults.instance_settings, integration_defaults.group_settings; RESET "
                      "session_replication_role.");
}

/// Drops the publisher's slot unless the subscription has it.
class NewSlot {
  public:
    NewSlot(Publisher &publisher, const char *name) : publisher_(publisher), name_(name) {
        publisher.create_slot(name);
    }
    ~NewSlot() {
        if (taken)
            return;
        bool dropped = false;
        try {
            publisher_.drop_slot(name_);
            dropped = true;
        } catch (...) {
        }
        if (!dropped)
            try {
                guard([&] { tell_left(name_); });
            } catch (...) {
            }
    }
    NewSlot(const NewSlot &) = delete;
    NewSlot &operator=(const NewSlot &) = delete;

    static void tell_left(const char *name) {
        ereport(WARNING, (errmsg("replication slot \"%s\" is left on the publisher's server", name),
                          errdetail("It could not be dropped, and keeps what this database does not take."),
                          errhint("There: SELECT pg_catalog.pg_drop_replication_slot('%s').", name)));
    }

    bool taken = false;

  private:
    Publisher &publisher_;
    const char *name_;
};

/// Runs commands whose text nobody is to see in a report: it has the connection's password.
void run_unseen(std::initializer_list<const char *> commands) {
    try {
        guard([&] {
            for (const char *command : commands)
                run_command(command);
        });
    } catch (const ServerError &thrown) {
        thrown.report->context = nullptr;
        thrown.report->internalquery = nullptr;
        throw;
    }
}

void subscribe(const char *connection, const char *publication, const Tables &tables) {
    Publisher publisher(connection, needs_password(GetUserId()));
    publisher.require_other_database();
    publisher.require_publication(publication, tables.names);
    const char *slot = guard(slot_name);
    NewSlot made(publisher, slot);
    guard([&] {
        for (Table table : tables)
            LockRelationOid(look_up(table).relation, ShareRowExclusiveLock);
    });
    require_unsubscribed();
    if (&tables == &of_shard)
        require_untracked_groups();
    require_empty(tables);
    run_unseen({guard([&] {
        return const_cast<const char *>(
            psprintf("CREATE SUBSCRIPTION %s CONNECTION %s PUBLICATION %s WITH (create_slot = false, slot_name = %s)",
                     subscription_name, quote_literal_cstr(connection), quote_identifier(publication), slot));
    })});
    guard(commit);
    made.taken = true;
}

void wait_for_copy(const Tables &tables) {
    const Oid oid = guard(subscription);
    TimestampTz told = GetCurrentTimestamp();
    for (;;) {
        const int copying = guard([&] { return count_copying(oid, tables); });
        if (copying == 0)
            return;
        if (guard([&] { return failed_copies(oid); }) > 0)
            throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the first copy of the publisher's rows has failed")
                .detail("The server's log says why. The database has subscribed, and the server tries again.")
                .hint("Mend the cause, and look at status(); or CALL integration_defaults.unsubscribe_defaults().");
        guard([&] {
            if (GetCurrentTimestamp() - told >= 2 * USECS_PER_SEC) {
                told = GetCurrentTimestamp();
                ereport(NOTICE,
                        (errmsg(copying == 1 ? "%d table is still being copied" : "%d tables are still being copied",
                                copying)));
            }
            pause();
        });
    }
}

} // namespace

bool has_subscribed() {
    return OidIsValid(guard(subscription));
}

void subscribe_node(const char *connection, const char *publication) {
    require_subscriber();
    require_unsubscribed();
    require_empty(of_node);
    subscribe(connection, publication, of_node);
    wait_for_copy(of_node);
}

/// CALL subscribe_defaults(connection, publication)
INTD_FUNCTION(subscribe_defaults) {
    const char *connection = cat(required_text(fcinfo, 0, "connection"));
    require_argument(fcinfo, 1, "publication");
    const char *publication = guard([&] { return pstrdup(NameStr(*PG_GETARG_NAME(1))); });
    require_subscriber();
    require_procedure(fcinfo, "subscribe_defaults()");
    guard([] { PreventCommandDuringRecovery("subscribe_defaults()"); });
    require_unsubscribed();
    require_untracked_groups();
    require_empty(of_shard);
    subscribe(connection, publication, of_shard);
    wait_for_copy(of_shard);
    PG_RETURN_VOID();
}

/// CALL unsubscribe_defaults()
INTD_FUNCTION(unsubscribe_defaults) {
    require_subscriber();
    require_procedure(fcinfo, "unsubscribe_defaults()");
    guard([] { PreventCommandDuringRecovery("unsubscribe_defaults()"); });
    struct Dropped {
        const char *connection, *slot;
        bool needs_password;
    };
    const Dropped dropped = guard([]() -> Dropped {
        const Oid oid = subscription();
        if (!OidIsValid(oid))
            return {nullptr, nullptr, false};
        const Subscription *found = GetSubscription(oid, false);
        return {pstrdup(found->conninfo), found->slotname == nullptr ? nullptr : pstrdup(found->slotname),
                needs_password(found)};
    });
    if (dropped.connection == nullptr)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "this database has not subscribed")
            .hint("CALL integration_defaults.subscribe_defaults() does that.");
    guard([] {
        run_command(psprintf("ALTER SUBSCRIPTION %s DISABLE", subscription_name));
        run_command(psprintf("ALTER SUBSCRIPTION %s SET (slot_name = NONE)", subscription_name));
        run_command(psprintf("DROP SUBSCRIPTION %s", subscription_name));
        commit();
    });
    if (dropped.slot == nullptr)
        PG_RETURN_VOID();
    bool gone = false;
    try {
        Publisher(dropped.connection, dropped.needs_password).drop_slot(dropped.slot);
        gone = true;
    } catch (const ServerError &) {
    } catch (const Refusal &) {
    }
    if (!gone)
        guard([&] { NewSlot::tell_left(dropped.slot); });
    PG_RETURN_VOID();
}

} // namespace intd
