#include "shards/publisher.hpp"

extern "C" {
#include "access/xlog.h"
#include "lib/stringinfo.h"
}

namespace intd {
Publisher::Publisher(const char *connection, bool needs_password) {
    char *error = nullptr;
    connection_ = guard([&] {
        load_walreceiver();
        return connect_to_publisher(connection, needs_password, &error);
    });
    if (connection_ == nullptr)
        throw Refusal(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, "could not connect to the publisher")
            .detail(error);
}

Publisher::~Publisher() {
    walrcv_disconnect(connection_);
}

const char *Publisher::run(const char *command, int columns, const char *between) {
    return guard([&]() -> const char * {
        const Oid types[] = {TEXTOID};
        WalRcvExecResult *result = walrcv_exec(connection_, command, columns, types);
        if (result->status != WALRCV_OK_COMMAND && result->status != WALRCV_OK_TUPLES)
            ereport(ERROR, (errcode(result->sqlstate == 0 ? ERRCODE_CONNECTION_FAILURE : result->sqlstate),
                            errmsg("the publisher says: %s", result->err)));
        StringInfoData all;
        initStringInfo(&all);
        if (result->tuplestore != nullptr) {
            TupleTableSlot *slot = MakeSingleTupleTableSlot(result->tupledesc, &TTSOpsMinimalTuple);
            while (tuplestore_gettupleslot(result->tuplestore, true, false, slot)) {
                bool is_null;
                const Datum value = slot_getattr(slot, 1, &is_null);
                if (!is_null)
                    appendStringInfo(&all, "%s%s", all.len == 0 ? "" : between, TextDatumGetCString(value));
            }
            ExecDropSingleTupleTableSlot(slot);
        }
        walrcv_clear_result(result);
        return all.data;
    });
}

std::string_view Publisher::ask(const char *query, const char *between) {
    return run(query, 1, between);
}

void Publisher::require_other_database() {
    const std::string_view there = ask("SELECT d.oid::pg_catalog.text OPERATOR(pg_catalog.||) ' '::pg_catalog.text "
                                       "OPERATOR(pg_catalog.||) s.system_identifier::pg_catalog.text "
                                       "FROM pg_catalog.pg_database d, pg_catalog.pg_control_system() s "
                                       "WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
                                       "");
    if (there == guard([]() -> const char * {
            return psprintf("%u " INT64_FORMAT, MyDatabaseId, static_cast<int64>(GetSystemIdentifier()));
        }))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "a database can't subscribe to itself")
            .hint("The connection is that to the database which publishes.");
}

void Publisher::require_publication(const char *name, const char *tables) {
    const std::string_view published =
        ask(cat("SELECT t.schemaname::pg_catalog.text OPERATOR(pg_catalog.||) '.'::pg_catalog.text "
                "OPERATOR(pg_catalog.||) t.tablename::pg_catalog.text FROM pg_catalog.pg_publication_tables t "
                "WHERE t.pubname OPERATOR(pg_catalog.=) ",
                guard([&] { return const_cast<const char *>(quote_literal_cstr(name)); }),
                "::pg_catalog.name ORDER BY (t.schemaname::pg_catalog.text OPERATOR(pg_catalog.||) "
                "t.tablename::pg_catalog.text) COLLATE pg_catalog.\"C\""),
            ", ");
    if (published.empty())
        throw Refusal(ERRCODE_UNDEFINED_OBJECT, cat("the publisher has no publication \"", name, "\""))
            .detail("None of that name publishes a table of the database that the connection leads to.")
            .hint("Call integration_defaults.publish_defaults() there.");
    if (published != tables)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("publication \"", name, "\" does not publish what a shard needs, and that alone"))
            .detail(cat("It publishes ", published, "; needed are ", tables, "."))
            .hint("Call integration_defaults.publish_defaults() there, with another name.");
}

void Publisher::create_slot(const char *name) {
    const std::string_view left = ask(cat("SELECT s.slot_name::pg_catalog.text FROM pg_catalog.pg_replication_slots s "
                                          "WHERE NOT s.active AND s.slot_name OPERATOR(pg_catalog.=) '",
                                          name, "'::pg_catalog.name"),
                                      "");
    if (!left.empty())
        drop_slot(name);
    guard([&] { intd::create_slot(connection_, name); });
}

void Publisher::drop_slot(const char *name) {
    run(cat("DROP_REPLICATION_SLOT ", guard([&] { return quote_identifier(name); }), " WAIT"), 0, "");
}

} // namespace intd
