// libpqxx: prepared statements, whose parameters are text of unknown type; numbers are turned into text by the library.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <pqxx/pqxx>
#include <regex>
#include <sstream>

namespace {

int passed = 0, failed = 0;

void equal(int line, const std::string &got, const std::string &expected) {
    if (got == expected) {
        passed++;
        return;
    }
    failed++;
    std::cout << "FAILED line " << line << ": got " << got << ", expected " << expected << '\n';
}

/** A row as text. */
std::string text(const pqxx::row &row) {
    std::string all;
    for (const auto &field : row)
        all += (all.empty() ? "" : " ") + (field.is_null() ? std::string("NULL") : std::string(field.c_str()));
    return all;
}

/** The SQLSTATE that something is refused with, in a transaction that goes on. The library has no constraint's name:
   the message says it. */
template <class Do>
std::string refusal(pqxx::work &transaction, Do &&statement) {
    try {
        pqxx::subtransaction inner(transaction);
        inner.exec("SELECT"); // begins it, which a prepared statement does not
        statement(inner);
        return "not refused";
    } catch (const pqxx::sql_error &error) {
        return error.sqlstate();
    }
}

std::string key(const std::string &type, int n) {
    if (type == "bigint")
        return std::to_string(n);
    char id[40];
    std::snprintf(id, sizeof id, "00000000-0000-0000-0000-%012d", n);
    return id;
}

void run(const std::string &type) {
    std::ifstream file("../app.sql");
    std::stringstream app;
    app << file.rdbuf();
    pqxx::connection connection;
    {
        pqxx::nontransaction plain(connection);
        plain.exec("SET client_min_messages = warning");
        plain.exec(std::regex_replace(app.str(), std::regex("KEY_TYPE"), type));
    }
    connection.prepare("read", "SELECT channel, retries, sample_rate, push_events, labels, locked, inherited FROM "
                               "slack_settings WHERE id = $1");
    connection.prepare("token", "SELECT token FROM slack_settings WHERE id = $1");
    connection.prepare(
        "write",
        "UPDATE slack_settings SET channel = $2, retries = $3 WHERE id = $1 RETURNING channel, retries, inherited");
    connection.prepare("keep", "UPDATE slack_settings SET channel = $2, token = $3 WHERE id = $1");
    connection.prepare("unlock", "UPDATE slack_settings SET push_events = $2 WHERE id = $1");
    connection.prepare(
        "own",
        "SELECT coalesce((SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1), '{}')");
    connection.prepare("save",
                       "UPDATE integration_defaults.project_integrations SET settings = settings || $2 "
                       "WHERE project_id = $1 AND integration = 'slack' RETURNING settings ->> 'channel', inherited");
    connection.prepare("set", "SELECT integration_defaults.set_custom('slack', $1, $2)");
    connection.prepare("resolve", "SELECT source_level, source_id FROM integration_defaults.resolve('slack', $1)");
    const std::string inherited = "#team 3 0.5 t [\"all\"] {push_events} t";
    {
        pqxx::work transaction(connection);
        equal(__LINE__, text(transaction.exec_prepared1("read", key(type, 2))), inherited);
        equal(__LINE__, text(transaction.exec_prepared1("write", key(type, 2), "#mine", 0)), "#mine 0 f");
        equal(__LINE__, text(transaction.exec_prepared1("own", key(type, 2))), R"({"channel": "#mine", "retries": 0})");
        const char *nothing = nullptr;
        equal(__LINE__, text(transaction.exec_prepared1("write", key(type, 2), nothing, nothing)), "#team 3 t");
        equal(__LINE__, refusal(transaction, [&](auto &inner) { inner.exec_prepared("unlock", key(type, 4), false); }),
              "23514");
        const auto token = transaction.exec_prepared1("token", key(type, 8))[0].template as<std::string>();
        equal(__LINE__, token.substr(0, 8), "(secret ");
        transaction.exec_prepared0("keep", key(type, 8), "#kept", token);
        equal(__LINE__, text(transaction.exec_prepared1("own", key(type, 8))), R"({"channel": "#kept"})");
        equal(__LINE__, text(transaction.exec_prepared1("save", key(type, 10), R"({"channel": "#json"})")), "#json f");
        equal(__LINE__, text(transaction.exec_prepared1("own", key(type, 10))), R"({"channel": "#json"})");
        transaction.exec_prepared1("set", key(type, 3), R"({"webhook": "https://hooks.example/2"})");
        equal(__LINE__, text(transaction.exec_prepared1("resolve", key(type, 3))), "project " + key(type, 3));
        equal(__LINE__, refusal(transaction, [&](auto &inner) { inner.exec_prepared("set", key(type, 999), "{}"); }),
              "42704");
        transaction.commit();
    }
    {
        pqxx::work transaction(connection);
        equal(__LINE__, text(transaction.exec_prepared1("write", key(type, 6), "#gone", 1)), "#gone 1 f");
        transaction.abort();
    }
    pqxx::work transaction(connection);
    equal(__LINE__, text(transaction.exec_prepared1("read", key(type, 6))), inherited);
    equal(__LINE__, text(transaction.exec_prepared1("own", key(type, 6))), "{}");
    if (type == "bigint") { // an int is a parameter of no type, too; only a literal does not compare with text
        equal(__LINE__, text(transaction.exec_prepared1("save", 20, R"({"channel": "#number"})")), "#number f");
        equal(__LINE__,
              refusal(transaction,
                      [](auto &inner) {
                          inner.exec("SELECT 1 FROM integration_defaults.project_integrations WHERE project_id = 20");
                      }),
              "42883");
        equal(__LINE__,
              text(transaction.exec1("UPDATE project_integrations SET settings = settings || '{\"channel\": \"#key\"}' "
                                     "WHERE project_id = 20 RETURNING project_id, settings ->> 'channel'")),
              "20 #key"); // of the app's key
    } else {
        const std::string id = "ABCDEF00-0000-0000-0000-000000000001";
        transaction.exec_params0("INSERT INTO projects VALUES ($1, $2, 'letters')", id, key(type, 2));
        equal(__LINE__, text(transaction.exec_prepared1("write", id, "#upper", 1)), "#upper 1 f");
        equal(__LINE__, text(transaction.exec_prepared1("resolve", id)),
              "project abcdef00-0000-0000-0000-000000000001");
    }
    transaction.commit();
}

} // namespace

int main() {
    for (const char *type : {"bigint", "uuid"}) {
        std::cout << type << '\n';
        try {
            run(type);
        } catch (const std::exception &error) {
            failed++;
            std::cout << "FAILED: " << error.what() << '\n';
        }
    }
    std::cout << passed << " passed, " << failed << " failed\n";
    return failed || !passed;
}
