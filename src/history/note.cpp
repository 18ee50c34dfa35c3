#include "history/note.hpp"

#include "cascade/materialize.hpp"
#include "hierarchy/arguments.hpp"
#include "history/arrays.hpp"
#include "history/seal_history.hpp"
#include "history/size.hpp"
#include "history/state.hpp"
#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/transaction.hpp"
#include "postgres/transition.hpp"
#include "postgres/trigger.hpp"
#include "settings/leftovers.hpp"
#include "settings/row_triggers.hpp"
#include "settings/write.hpp"
#include "store/access.hpp"
#include "store/later.hpp"
#include "store/owner.hpp"
#include "store/role_name.hpp"
#include "store/switch.hpp"

extern "C" {
#include "commands/sequence.h"
#include "utils/datum.h"
}

namespace intd {
namespace {

constexpr LaterColumn application_column = {"history_changes", "application", TEXTOID}; // since 1.1

#define INSERT_CHANGES(column, parameter, count)                                                                       \
    {                                                                                                                  \
        "INSERT INTO integration_defaults.history_changes "                                                            \
        "(change, transaction, by, operation, scope_level, scope_id, integration, before, after" column ") "           \
        "SELECT pg_catalog.unnest($1), $2, $3, pg_catalog.unnest($4), $5, pg_catalog.unnest($6), "                     \
        "pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9)" parameter,                               \
            count, {INT8ARRAYOID, INT8OID,      TEXTOID,       TEXTARRAYOID,  TEXTOID,                                 \
                    TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID, TEXTOID},                                \
            nullptr, true                                                                                              \
    }
/// Of tables of 1.0, and of later ones.
Statement insert_changes = INSERT_CHANGES("", "", 9),
          insert_changes_of_application = INSERT_CHANGES(", application", ", $10", 10);
Statement insert_end = {
    "INSERT INTO integration_defaults.history_transactions (transaction, last_change, at) VALUES ($1, $2, $3) "
    "ON CONFLICT (transaction) DO UPDATE SET last_change = excluded.last_change, at = excluded.at",
    3,
    {INT8OID, INT8OID, TIMESTAMPTZOID},
    nullptr};
Statement read_since = {
    "SELECT pg_catalog.max(since)::pg_catalog.timestamptz FROM integration_defaults.history_since", 0, {}, nullptr};
Statement clear_since = {"DELETE FROM integration_defaults.history_since", 0, {}, nullptr};
Statement write_since = {
    "INSERT INTO integration_defaults.history_since (since) VALUES ($1)", 1, {TIMESTAMPTZOID}, nullptr};
Statement name_that_went = {
    "SELECT 1 FROM integration_defaults.history_changes WHERE scope_level IS NULL AND scope_id IS NULL "
    "AND integration OPERATOR(pg_catalog.=) $1 AND before IS NOT NULL AND after IS NULL LIMIT 1",
    1,
    {TEXTOID},
    nullptr};
Statement forget_changes = {"DELETE FROM integration_defaults.history_changes c WHERE EXISTS (SELECT FROM "
                            "integration_defaults.history_transactions t WHERE t.at OPERATOR(pg_catalog.<) $1 "
                            "AND t.transaction OPERATOR(pg_catalog.=) c.transaction)",
                            1,
                            {TIMESTAMPTZOID},
                            nullptr,
                            false,
                            true};
Statement forget_transactions = {
    "DELETE FROM integration_defaults.history_transactions WHERE at OPERATOR(pg_catalog.<) $1",
    1,
    {TIMESTAMPTZOID},
    nullptr};

/// Of this transaction.
struct {
    int64 transaction; // the number of its first change; 0: it has none
    int level;         // of nested transactions, at which that was noted
    int64 last;        // the number of the last one, whether it has been rolled back or not
    bool ended;        // `at` is noted
    const char *by;    // who changed something last; in TopTransactionContext
    const char *application;
} noted;

void end_transaction() {
    noted = {};
}

void end_savepoint(const Savepoint &savepoint) {
    if (savepoint.rolled_back)
        noted.ended = false; // what preview() does before its own end is not there any more
    if (noted.transaction == 0)
        return;
    noted.level = savepoint.level_of(noted.level);
    if (noted.level == 0)
        noted.transaction = 0;
}

/// From when on the history has no gap; none: from its beginning.
Value since() {
    Value found;
    fetch(read_since, {}, &found);
    return found;
}

/// Whether history is kept, in the newest state: whoever changes that keeps all writers out until the commit.
bool is_kept() {
    return guard([] {
        return !any_row("history_since", TIMESTAMPTZOID,
                        [](Datum since) { return static_cast<bool>(TIMESTAMP_IS_NOEND(DatumGetTimestampTz(since))); });
    });
}

/// Server code.
int64 next_number(Oid sequence) {
    return nextval_internal(sequence, false);
}

/// The changes of one statement on one of our tables, on their way to history_changes.
class Changes {
  public:
    /// Of the table `access` if `table` is none. `application` may be empty. `kept`: whether history is; else only what
    /// keeps secrets out of it is noted, of types.
    Changes(std::optional<Table> table, const char *by, const char *application, bool kept)
        : table_(table), by_(by), application_(application), kept_(kept) {
        sequence_ = guard(
            [] { return get_relname_relid("history_change_seq", get_namespace_oid("integration_defaults", false)); });
        if (!OidIsValid(sequence_))
            throw Refusal(ERRCODE_UNDEFINED_TABLE, "sequence integration_defaults.history_change_seq does not exist");
        batch_ = guard([] {
            return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults history", ALLOCSET_DEFAULT_SIZES);
        });
    }

    /// Either may be null: a row that comes, or goes. What the images point to is copied; what is made on the way goes
    /// with the row, so that a batch is as large as what it writes.
    void row(const Image *before, const Image *after) {
        {
            InContext inside(row_.empty());
            if (!table_)
                access(before, after);
            else
                switch (*table_) {
                case Table::integrations:
                    type(before, after);
                    break;
                case Table::groups:
                    scope(Kind::groups, before, after);
                    break;
                case Table::projects:
                    scope(Kind::projects, before, after);
                    break;
                default:
                    settings(before, after);
                }
        }
        constexpr int most_rows = 1000;
        constexpr Size most_bytes = 16 * 1024 * 1024;
        if (count() >= most_rows || (count() > 0 && MemoryContextMemAllocated(batch_, false) > most_bytes))
            flush();
    }

    void flush() {
        write();
        guard([&] { MemoryContextReset(batch_); });
    }

  private:
    int count() const { return operations_.count; }

    void write() {
        if (count() > 0)
            insert();
        operations_ = scopes_ = integrations_ = befores_ = afters_ = {};
    }

    void insert() {
        InContext inside(batch_);
        const int64 transaction = guard([&] {
            Growing<NullableDatum> numbers;
            for (int i = 0; i < count(); i++)
                numbers.add({Int64GetDatum(next_number(sequence_)), false});
            numbers_ = array_of(numbers, INT8OID, true, sizeof(int64), TYPALIGN_DOUBLE);
            noted.last = DatumGetInt64(numbers[count() - 1].value);
            return DatumGetInt64(numbers[0].value);
        });
        if (noted.transaction == 0) {
            noted.transaction = transaction;
            noted.level = GetCurrentTransactionNestLevel();
        }
        noted.ended = false;
        struct Arrays {
            Datum operations, scopes, integrations, befores, afters;
        };
        Arrays arrays = guard([&] {
            auto texts = [](const Growing<NullableDatum> &items) {
                return array_of(items, TEXTOID, false, -1, TYPALIGN_INT);
            };
            auto jsons = [](const Growing<NullableDatum> &items) {
                return array_of(items, JSONBOID, false, -1, TYPALIGN_INT);
            };
            return Arrays{texts(operations_), texts(scopes_), texts(integrations_), jsons(befores_), jsons(afters_)};
        });
        const Value application = *application_ == '\0' ? std::nullopt : Value(text_datum(application_)),
                    transaction_number = Int64GetDatum(noted.transaction), by = text_datum(by_);
        const bool with_application = is_there(application_column);
        AsOwner owner;
        if (with_application)
            execute_newest_alone(insert_changes_of_application,
                                 {numbers_, transaction_number, by, arrays.operations, level(), arrays.scopes,
                                  arrays.integrations, arrays.befores, arrays.afters, application});
        else
            execute_newest_alone(insert_changes, {numbers_, transaction_number, by, arrays.operations, level(),
                                                  arrays.scopes, arrays.integrations, arrays.befores, arrays.afters});
    }

    Value level() const {
        if (!table_)
            return text_datum(core::name_of(access_level_));
        switch (*table_) {
        case Table::integrations:
            return std::nullopt;
        case Table::groups:
        case Table::group_settings:
            return text_datum(core::name_of(core::Level::group));
        case Table::instance_settings:
            return text_datum(core::name_of(core::Level::instance));
        default:
            return text_datum(core::name_of(core::Level::project));
        }
    }

    void add(const char *operation, Value scope, Value integration, const Jsonb *before, const Jsonb *after) {
        InContext inside(batch_);
        Datum name = text_datum(operation);
        guard([&] {
            auto copied = [](NullableDatum given) {
                return given.isnull ? given : NullableDatum{datumCopy(given.value, false, -1), false};
            };
            operations_.add({name, false});
            scopes_.add(copied(nullable(scope)));
            integrations_.add(copied(nullable(integration)));
            befores_.add(copied(nullable(before)));
            afters_.add(copied(nullable(after)));
        });
    }

    static Value text(const Image &image, int column) {
        return column < 0 || image.nulls[column] ? std::nullopt : Value(image.at(column));
    }

    // --- types ---

    static const Integration *type_in(const Image &row) {
        return compiled_integration(row.text(column::name), jsonb_of(row.at(column::schema)),
                                    DatumGetBool(row.at(column::strict)));
    }

    /// Whether a type has something to hide in what is noted already: what has become a secret, or is one and was none
    /// of another type that had this name.
    static bool hides_something(const Image *before, const Image &after, const Integration &has) {
        if (before == nullptr || !before->same(after, column::name))
            if (had_name_before(has.name))
                return true;
        if (before == nullptr || (before->same(after, column::schema) && before->same(after, column::strict)))
            return false;
        const Integration *had = type_in(*before);
        const auto &properties = has.schema->shape.properties();
        return had == nullptr || std::any_of(properties.begin(), properties.end(), [&](const core::Property &each) {
                   return each.secret && !had->schema->is_secret(each.name);
               });
    }

    /// Whether there was a type of that name that has gone, or has another one.
    static bool had_name_before(std::string_view name) {
        Value found;
        AsOwner owner;
        NewestState newest;
        return fetch(name_that_went, {text_datum(name)}, &found, true) > 0;
    }

    void type(const Image *before, const Image *after) {
        if (before != nullptr && after != nullptr && before->same(*after, column::name)) {
            const int columns[] = {column::schema, column::title, column::category, column::allowed, column::strict};
            if (std::all_of(std::begin(columns), std::end(columns), [&](int n) { return before->same(*after, n); }))
                return;
            if (kept_)
                add("change", std::nullopt, text(*after, column::name), type_state(*before), type_state(*after));
        } else {
            // That a name goes is noted always: what is noted under it has to be found by later.
            const bool renamed = before != nullptr && after != nullptr;
            if (before != nullptr)
                add(renamed ? "rename" : "unregister", std::nullopt, text(*before, column::name), type_state(*before),
                    nullptr);
            if (after != nullptr && (renamed || kept_))
                add(renamed ? "rename" : "register", std::nullopt, text(*after, column::name), nullptr,
                    type_state(*after));
        }
        if (after == nullptr)
            return;
        const Integration *has = type_in(*after);
        if (has != nullptr && has->schema->has_secrets && hides_something(before, *after, *has)) {
            write(); // names are followed by what is noted
            hide_in_history(*has);
        }
    }

    // --- access ---

    void access(const Image *before, const Image *after) {
        if (before != nullptr && after != nullptr && same_role(*before, *after) && before->same(*after, 1) &&
            before->same(*after, 2))
            return;
        if (before != nullptr)
            access("revoke", *before, access_state(*before), nullptr);
        if (after != nullptr)
            access("grant", *after, nullptr, access_state(*after));
    }

    void access(const char *operation, const Image &row, const Jsonb *before, const Jsonb *after) {
        const core::Level level = row.nulls[2] ? core::Level::instance : core::Level::group;
        if (level != access_level_)
            write(); // one statement has rows of one level
        access_level_ = level;
        add(operation, text(row, 2), std::nullopt, before, after);
    }

    static const RoleName *role_in(const Image &row) {
        return row.nulls[0] ? nullptr : reinterpret_cast<const RoleName *>(DatumGetPointer(row.at(0)));
    }
    static bool same_role(const Image &a, const Image &b) {
        const RoleName *one = role_in(a), *other = role_in(b);
        return one != nullptr && other != nullptr && memcmp(one, other, sizeof(RoleName)) == 0;
    }
    static const Jsonb *access_state(const Image &row) {
        const RoleName *role = role_in(row);
        ObjectBuilder state;
        state.add("role", std::string_view(role == nullptr ? "" : present_name(role)));
        state.add("access", row.text(1));
        return state.finish();
    }

    // --- the tree ---

    static const Jsonb *place(Kind kind, const Image &image) {
        return place_state(kind, image.nulls[column::parent]
                                     ? std::nullopt
                                     : std::optional<std::string_view>(image.text(column::parent)));
    }

    void scope(Kind kind, const Image *before, const Image *after) {
        if (before == nullptr)
            return;
        if (after != nullptr && before->same(*after, column::id)) {
            if (!before->same(*after, column::parent))
                add("move", text(*after, column::id), std::nullopt, place(kind, *before), place(kind, *after));
            return;
        }
        add(after == nullptr ? "remove" : "rename", text(*before, column::id), std::nullopt, place(kind, *before),
            nullptr);
        if (after != nullptr)
            add("rename", text(*after, column::id), std::nullopt, nullptr, place(kind, *after));
    }

    // --- settings ---

    static const Jsonb *state(const SettingsColumns &columns, const Image &image, const Integration *type) {
        return settings_state(settings_in(columns, image), type);
    }

    /// Many rows in turn are of one type.
    const Integration *type_of(std::string_view name) {
        if (type_ != nullptr && type_->name == name)
            return type_;
        AsOwner owner;
        FreshSnapshot snapshot; // what another part of the same statement has registered is there
        const Row *row = live.row(Table::integrations, text_datum(name));
        type_ = row == nullptr ? nullptr
                               : compiled_integration(name, jsonb_of(row->values[column::schema]),
                                                      DatumGetBool(row->values[column::strict]));
        return type_;
    }

    void settings(const Image *before, const Image *after) {
        const SettingsColumns &columns = columns_of(*table_);
        auto same = [&](int column) { return column < 0 || before->same(*after, column); };
        auto add_state = [&](const Image &image, const Jsonb *from, const Jsonb *to) {
            if (!same_state(from, to)) // as it was, or a secret that has been sealed anew
                add(from == nullptr ? "set"
                    : to == nullptr ? "remove"
                                    : "change",
                    text(image, columns.scope), text(image, columns.integration), from, to);
        };
        if (before != nullptr && after != nullptr && same(columns.integration) && same(columns.scope)) {
            if (!same(columns.custom) || !same(columns.active) || !same(columns.settings) || !same(columns.locked))
                add_state(*after, state(columns, *before, type_of(after->text(columns.integration))),
                          state(columns, *after, type_of(after->text(columns.integration))));
            return;
        }
        if (before != nullptr) {
            const Integration *type = type_of(before->text(columns.integration));
            if (type == nullptr && after != nullptr) // it has got another name
                type = type_of(after->text(columns.integration));
            add_state(*before, state(columns, *before, type), nullptr);
        }
        if (after != nullptr)
            add_state(*after, nullptr, state(columns, *after, type_of(after->text(columns.integration))));
    }

    std::optional<Table> table_;
    core::Level access_level_ = core::Level::instance;
    const char *by_, *application_;
    bool kept_;
    Oid sequence_;
    MemoryContext batch_;
    RowMemory row_;
    Datum numbers_ = 0;
    Growing<NullableDatum> operations_, scopes_, integrations_, befores_, afters_;
    const Integration *type_ = nullptr;
};

/// The rows of a statement: of an UPDATE each with what it was before.
void note_rows(TriggerData *data, Changes &changes) {
    StatementRows rows;
    guard([&] { rows.open(data); });
    RowMemory memory;
    for (;;) { // a row that comes back from disk is in the memory that is current here, and freed by the next one
        Image images[2];
        MemoryContext own = memory.empty();
        const bool found = guard([&] {
            if (!rows.next())
                return false;
            MemoryContext caller = MemoryContextSwitchTo(own);
            if (rows.before.slot != nullptr)
                take(&images[0], rows.before.slot);
            if (rows.after.slot != nullptr)
                take(&images[1], rows.after.slot);
            MemoryContextSwitchTo(caller);
            return true;
        });
        if (!found)
            break;
        changes.row(rows.before.slot != nullptr ? &images[0] : nullptr,
                    rows.after.slot != nullptr ? &images[1] : nullptr);
    }
    changes.flush();
    guard([&] { rows.close(); });
}

Statement whole_tables[table_count] = {};
Statement whole_access = {"SELECT role, access, group_id FROM integration_defaults.access", 0, {}, nullptr};

Statement &whole(Table table) {
    const DeclaredTable &own = declared_as(table);
    Statement &statement = whole_tables[static_cast<int>(table)];
    if (statement.sql == nullptr)
        statement.sql = guard([&] {
            StringInfoData text;
            initStringInfo(&text);
            for (int i = 0; i < own.count; i++)
                appendStringInfo(&text, "%s%s", i == 0 ? "SELECT " : ", ", own.columns[i].name);
            return MemoryContextStrdup(TopMemoryContext, psprintf("%s%s", text.data, from_clause(table, 0)));
        });
    return statement;
}

/// The rows that a TRUNCATE removes, whose lock keeps out everybody else.
void note_whole(std::optional<Table> table, TupleDesc shape, Changes &changes) {
    Statement &statement = table ? whole(*table) : whole_access;
    const int columns = table ? declared_as(*table).count : 3;
    AsOwner owner;
    NewestState newest;
    RowMemory memory;
    Cursor rows(statement, {});
    while (rows.next()) {
        InContext inside(memory.empty());
        Image image;
        image.shape = shape;
        for (int i = 0; i < columns; i++) {
            Value value = rows.column(i);
            image.nulls[i] = !value;
            image.values[i] = value.value_or(static_cast<Datum>(0));
        }
        changes.row(&image, nullptr);
    }
    rows.close();
    changes.flush();
}

bool is_open() {
    return noted.transaction != 0 && !noted.ended;
}

/// Notes when the transaction ends: after its last change, while it holds all its locks.
void note_end() {
    AsOwner owner;
    execute(insert_end, {Int64GetDatum(noted.transaction), Int64GetDatum(noted.last),
                         TimestampTzGetDatum(guard([] { return GetCurrentTimestamp(); }))});
    noted.ended = true;
}

} // namespace

/// AFTER INSERT, UPDATE, DELETE (with transition tables) and BEFORE TRUNCATE, for each statement.
INTD_FUNCTION(note_history) {
    TriggerData *data =
        own_trigger(fcinfo, {table_oid(Table::integrations), table_oid(Table::groups), table_oid(Table::projects),
                             table_oid(Table::instance_settings), table_oid(Table::group_settings),
                             table_oid(Table::project_settings), guard([] { return access_table(); })});
    const bool of_access = RelationGetRelid(data->tg_relation) == guard([] { return access_table(); });
    const std::optional<Table> table =
        of_access ? std::nullopt : std::optional<Table>(table_with(RelationGetRelid(data->tg_relation)));
    const bool truncate = TRIGGER_FIRED_BY_TRUNCATE(data->tg_event);
    require_event(data, truncate ? TRIGGER_EVENT_BEFORE : TRIGGER_EVENT_AFTER,
                  truncate ? on_truncate : on_insert | on_update | on_delete);
    if (restoring() || arrival_has_fired())
        return PointerGetDatum(nullptr);
    const bool has_old = TRIGGER_FIRED_BY_UPDATE(data->tg_event) || TRIGGER_FIRED_BY_DELETE(data->tg_event);
    const bool has_new = TRIGGER_FIRED_BY_UPDATE(data->tg_event) || TRIGGER_FIRED_BY_INSERT(data->tg_event);
    if ((data->tg_oldtable != nullptr) != has_old || (data->tg_newtable != nullptr) != has_new)
        throw not_as_declared(data);
    if (of_access)
        guard([&] { require_access_columns(data->tg_relation); });
    const bool kept = is_kept();
    if (!kept && table != Table::integrations)
        return PointerGetDatum(nullptr);
    // What goes at the commit, with its group or project, is the doing of who removed that.
    const bool follows = noted.by != nullptr && leftovers_have_fired(data);
    const char *by = follows ? noted.by : writer(GetUserId()),
               *application = follows ? noted.application : application_name;
    auto keep = [](const char *&as, const char *text) {
        if (as == nullptr || strcmp(as, text) != 0)
            as = guard([&] { return MemoryContextStrdup(TopTransactionContext, text); });
    };
    keep(noted.by, by);
    keep(noted.application, application);
    Changes changes(table, noted.by, noted.application, kept);
    if (truncate)
        note_whole(table, RelationGetDescr(data->tg_relation), changes);
    else
        note_rows(data, changes);
    return PointerGetDatum(nullptr);
}

/// keep_history(enabled)
INTD_FUNCTION(keep_history) {
    require_argument(fcinfo, 0, "enabled");
    const bool enabled = PG_GETARG_BOOL(0);
    require_administrator("keep_history()");
    keep_writers_out();
    if (enabled == is_kept())
        return PointerGetDatum(nullptr);
    AsOwner owner;
    execute_newest_alone(clear_since, {});
    const TimestampTz now = guard([] { return GetCurrentTimestamp(); });
    execute(write_since, {TimestampTzGetDatum(enabled ? now : DT_NOEND)});
    PG_RETURN_VOID();
}

/// forget_history(before) → how many changes
INTD_FUNCTION(forget_history) {
    require_argument(fcinfo, 0, "before");
    const TimestampTz now = guard([] { return GetCurrentTimestamp(); });
    const TimestampTz before = std::min(PG_GETARG_TIMESTAMPTZ(0), now);
    require_administrator("forget_history()");
    AsOwner owner;
    const uint64 forgotten = execute(forget_changes, {TimestampTzGetDatum(before)});
    execute(forget_transactions, {TimestampTzGetDatum(before)});
    Value known = since();
    if (!known || DatumGetTimestampTz(*known) < before) {
        execute(clear_since, {});
        execute(write_since, {TimestampTzGetDatum(before)});
    }
    PG_RETURN_INT64(static_cast<int64>(forgotten));
}

void watch_history() {
    before_commit(is_open, note_end);
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
    on_status(look_at_history);
}

} // namespace intd
