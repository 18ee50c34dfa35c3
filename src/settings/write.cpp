#include "settings/write.hpp"

#include "hierarchy/hooks.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/trigger.hpp"
#include "tracking/tracked.hpp"

namespace intd {
namespace {

// The statements of one table. $1 is the type, $2 the scope, then what is stored. The instance has no scope; its
// statements have a $2 all the same, so that all three tables are called alike.
struct Statements {
    Statement lock, update, replace, insert, remove;
};

#define STATEMENTS(table, key, locked, set_locked, insert, parameters)                                                 \
    {                                                                                                                  \
        {"SELECT custom, active, settings" locked " FROM integration_defaults." table " WHERE " key " FOR UPDATE",     \
         2,                                                                                                            \
         {TEXTOID, TEXTOID},                                                                                           \
         nullptr},                                                                                                     \
            {"UPDATE integration_defaults." table " SET active = $3, settings = $4, custom = $5" set_locked            \
             " WHERE " key,                                                                                            \
             parameters,                                                                                               \
             {TEXTOID, TEXTOID, BOOLOID, JSONBOID, BOOLOID, TEXTARRAYOID},                                             \
             nullptr},                                                                                                 \
            {"UPDATE integration_defaults." table " SET custom = true, active = $3, settings = $4 WHERE " key,         \
             4,                                                                                                        \
             {TEXTOID, TEXTOID, BOOLOID, JSONBOID},                                                                    \
             nullptr},                                                                                                 \
            {"INSERT INTO integration_defaults." table insert " DO NOTHING",                                           \
             parameters,                                                                                               \
             {TEXTOID, TEXTOID, BOOLOID, JSONBOID, BOOLOID, TEXTARRAYOID},                                             \
             nullptr},                                                                                                 \
        {                                                                                                              \
            "DELETE FROM integration_defaults." table " WHERE " key, 2, {TEXTOID, TEXTOID}, nullptr                    \
        }                                                                                                              \
    }
#define SCOPE_KEY(column) column " OPERATOR(pg_catalog.=) $2 AND integration OPERATOR(pg_catalog.=) $1"

Statements statements[] = {
    STATEMENTS("instance_settings", "integration OPERATOR(pg_catalog.=) $1 AND $2 IS NULL", ", locked", ", locked = $6",
               " (integration, active, settings, custom, locked) "
               "SELECT $1, $3, $4, $5, $6 WHERE $2 IS NULL ON CONFLICT (integration)",
               6),
    STATEMENTS("group_settings", SCOPE_KEY("group_id"), ", locked", ", locked = $6",
               " (integration, group_id, active, settings, custom, locked) "
               "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (group_id, integration)",
               6),
    STATEMENTS("project_settings", SCOPE_KEY("project_id"), "", "",
               " (integration, project_id, active, settings, custom) "
               "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project_id, integration)",
               5),
};

Statements &statements_of(const Target &target) {
    return statements[static_cast<int>(target.scope.level)];
}

Value scope_of(const Target &target) {
    return target.scope.id == 0 ? std::nullopt : Value(target.scope.id);
}

Value boolean(std::optional<bool> value) {
    return value ? Value(BoolGetDatum(*value)) : std::nullopt;
}

Table table_of(const Target &target) {
    return settings_table(target.scope.level);
}

/// While it lives, a statement of ours writes the target's row.
class RowWrite {
  public:
    RowWrite(const Target &target, const Given &given, Oid by)
        : target_(target), given_(given), by_(by), statement_(table_oid(table_of(target))),
          outer_(std::exchange(innermost_, this)) {}
    ~RowWrite() { innermost_ = outer_; }
    RowWrite(const RowWrite &) = delete;
    RowWrite &operator=(const RowWrite &) = delete;

    /// The one whose statement has fired a trigger, for this row; or null.
    static const RowWrite *of(const TriggerData *data, Datum type, Datum scope) {
        const bool is_own = innermost_ != nullptr && innermost_->statement_.has_fired(data) &&
                            innermost_->target_.type.name == view(type) &&
                            innermost_->target_.scope.text() == (scope == 0 ? std::string_view() : view(scope));
        return is_own ? innermost_ : nullptr;
    }
    const Given &given() const { return given_; }
    Oid by() const { return by_; }

  private:
    static const RowWrite *innermost_;

    const Target &target_;
    const Given &given_;
    Oid by_; // who has called the function
    OwnStatement statement_;
    const RowWrite *outer_;
};
const RowWrite *RowWrite::innermost_ = nullptr;

Statement store_rows = {"INSERT INTO integration_defaults.project_settings SELECT r.* FROM "
                        "pg_catalog.jsonb_populate_recordset(NULL::integration_defaults.project_settings, "
                        "$1::pg_catalog.text::pg_catalog.jsonb) r ON CONFLICT DO NOTHING",
                        1,
                        {TEXTOID},
                        nullptr};

/// How deep the triggers are that such a statement fires; what other triggers do meanwhile runs deeper.
int arrival_depth = 0;

/// While it lives, a statement of ours stores what has come.
class Arrival {
  public:
    Arrival() : outer_(std::exchange(arrival_depth, trigger_depth() + 1)) {}
    ~Arrival() { arrival_depth = outer_; }
    Arrival(const Arrival &) = delete;
    Arrival &operator=(const Arrival &) = delete;

  private:
    int outer_;
};

/// A trigger of somebody else's suppresses the row.
[[noreturn]] void refuse_unwritable(const Target &target) {
    const char *scope = scope_name(target.scope.level, target.scope.text());
    const char *table = declared_as(table_of(target)).name;
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  cat("settings of integration \"", target.type.name, "\" for ", scope, " were not stored"))
        .detail(cat("A trigger on table \"", table, "\" leaves the row out."))
        .hint("Triggers that others than integration_defaults have created there must give the row back.");
}

} // namespace

Target target(std::string_view integration, const ScopeArgument &scope) {
    require_ids(scope);
    FreshSnapshot snapshot; // what an earlier call in the same statement has made is there
    auto is_there = [](const ScopeArgument &asked) {
        return asked.level == core::Level::instance ||
               (live.row(scope_table(asked.level), asked.id) != nullptr &&
                (asked.level != core::Level::project || !feeding.has_left(asked.id)));
    };
    ScopeArgument found = scope;
    bool there = is_there(found);
    if (!there)
        if (std::optional<Datum> uuid = as_tracked_uuid(kind_of(scope.level), scope.text())) {
            found.id = *uuid;
            there = is_there(found);
        }
    require_access(Access::write, there ? found : scope);
    const Integration &type = get_integration(live, integration);
    if (!there)
        throw unknown_scope(scope.level, scope.text());
    return {type, found};
}

std::optional<SettingsRow> lock_row(const Target &target) {
    AsOwner owner;
    std::array<Value, 4> found;
    if (fetch_row(statements_of(target).lock, {target.name(), scope_of(target)}, found.data(),
                  target.scope.level == core::Level::project ? 3 : 4) == 0)
        return std::nullopt;
    return settings_row(*found[0], found[1], *found[2], found[3].value_or(static_cast<Datum>(0)));
}

bool store_row(const Target &target, bool exists, const SettingsRow &wanted, const Given &given) {
    const Oid by = GetUserId();
    AsOwner owner;
    RowWrite write(target, given, by);
    Statements &own = statements_of(target);
    Statement &statement = exists ? own.update : own.insert;
    Value type = target.name(), scope = scope_of(target), active = boolean(wanted.active),
          settings = PointerGetDatum(wanted.settings), custom = BoolGetDatum(wanted.custom);
    if (target.scope.level == core::Level::project)
        return execute(statement, {type, scope, active, settings, custom}) > 0;
    Value locked =
        wanted.locked == 0 ? PointerGetDatum(guard([] { return construct_empty_array(TEXTOID); })) : wanted.locked;
    return execute(statement, {type, scope, active, settings, custom, locked}) > 0;
}

void set_whole_row(const Target &target, const Jsonb *settings, std::optional<bool> active) {
    Given given;
    if (is_object(settings))
        given.fields = fields_of(settings);
    given.whole = true;
    given.active = active.has_value();
    auto replace = [&] {
        const Oid by = GetUserId();
        AsOwner owner;
        RowWrite write(target, given, by);
        return execute(statements_of(target).replace,
                       {target.name(), scope_of(target), boolean(active), PointerGetDatum(settings)}) > 0;
    };
    Attempts attempts(target);
    do
        attempts.next();
    while (!replace() && !store_row(target, false, {true, active, settings, 0}, given));
}

bool remove_row(const Target &target) {
    return remove_row(target.scope.level, target.name(), scope_of(target));
}

bool remove_row(core::Level level, Datum integration, std::optional<Datum> scope) {
    AsOwner owner;
    return execute(statements[static_cast<int>(level)].remove, {integration, scope}) > 0;
}

void store_arrived(Datum rows) {
    AsOwner owner;
    Arrival arrival;
    execute(store_rows, {rows});
}

bool arrival_has_fired() {
    return arrival_depth > 0 && arrival_depth == trigger_depth();
}

void Attempts::next() {
    constexpr int most = 10;
    guard([] { CHECK_FOR_INTERRUPTS(); });
    if (made_++ == most)
        refuse_unwritable(target_);
}

const Given &given_in(const TriggerData *data, Datum type, Datum scope) {
    static constexpr Given nothing;
    const RowWrite *own = RowWrite::of(data, type, scope);
    return own == nullptr ? nothing : own->given();
}

Oid writer_in(const TriggerData *data, Datum type, Datum scope) {
    const RowWrite *own = RowWrite::of(data, type, scope);
    return own == nullptr ? GetUserId() : own->by();
}

} // namespace intd
