#include "settings/fields.hpp"

#include "catalog/unknown.hpp"
#include "inheritance/remembered.hpp"
#include "postgres/snapshot.hpp"
#include "settings/secrets.hpp"

namespace intd {
namespace {

bool has(const Names &names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// Names that a user gave, and all that is in an atomic group with one of them.
class Units {
  public:
    Units(const core::Shape &shape, const Names &names, std::pmr::memory_resource *memory)
        : shape_(shape), names_(names, memory), units_(memory) {
        std::sort(names_.begin(), names_.end());
        for (std::string_view name : names_) {
            check_interrupts();
            int n = shape.find(name);
            if (n >= 0 && shape.properties()[n].grouped)
                units_.push_back(shape.properties()[n].unit);
        }
        std::sort(units_.begin(), units_.end());
    }
    bool name(std::string_view name) const { return std::binary_search(names_.begin(), names_.end(), name); }
    bool include(std::string_view field) const {
        if (name(field))
            return true;
        int n = units_.empty() ? -1 : shape_.find(field);
        return n >= 0 && shape_.properties()[n].grouped &&
               std::binary_search(units_.begin(), units_.end(), shape_.properties()[n].unit);
    }
    /// Whether a secret is bound to one of them: it may be from an earlier schema, with other atomic groups.
    bool bind(const JsonbValue &value) const {
        const std::optional<StoredSecret> secret = read_secret(value);
        return secret && std::any_of(secret->bound.begin(), secret->bound.end(),
                                     [&](const JsonbValue &bound) { return include(string_of(bound)); });
    }

  private:
    const core::Shape &shape_;
    Names names_;
    std::pmr::vector<int> units_;
};

Datum names_array(Names names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return text_array(names);
}

Jsonb *empty_object() {
    return ObjectBuilder().finish();
}

[[noreturn]] void refuse_inheriting(const Target &target) {
    throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                  cat(scope_name(target.scope.level, target.scope.text()), " has custom settings for integration \"",
                      target.type.name, "\", which inherit nothing"))
        .hint(target.scope.level == core::Level::instance ? "reset_default() removes them as a whole."
                                                          : "use_default() removes them as a whole.");
}

// --- locks -----------------------------------------------------------------------------------------------------------

Names locks_of(const std::optional<SettingsRow> &row, std::pmr::memory_resource *memory) {
    Names names(memory);
    if (row) {
        const Layer *layer = make_layer(core::Level::group, {}, *row);
        names.assign(layer->locks, layer->locks + layer->lock_count);
    }
    return names;
}

/// Names that can be locked, or that the row locks already; throws 22023 for any other.
void check_names(const Target &target, const Names &names, const Units &locked) {
    for (std::string_view name : names)
        if (name != "*" && name != "active" && target.type.schema->shape.find(name) < 0 && !locked.name(name))
            throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                          cat("integration \"", target.type.name, "\" has no field \"", shown(name), "\""))
                .hint(fields_hint(target.type, name, "active"));
}

/// All that `names` lock: whole atomic groups.
void add_units(Names &locked, const core::Shape &shape, const Names &names, const Units &units) {
    for (std::string_view name : names)
        locked.push_back(name);
    for (const core::Property &property : shape.properties())
        if (units.include(property.name))
            locked.push_back(property.name);
}

/// Of what was to be unlocked, says what a scope above has locked as well: it stays so.
void tell_locks_above(const Target &target, const Names &names) {
    constexpr int most = 20;
    if (target.scope.level == core::Level::instance)
        return;
    FreshSnapshot snapshot;
    OverlookBroken broken; // where the transaction is still at work on the tree, nothing is told
    Inheritance &inherited = inheritance();
    const TreeNode *node = inherited.tree().group(target.scope.text());
    if (node == nullptr)
        return;
    const core::Fold &above = *inherited.above(node, target.type).fold;
    const char *text = nullptr;
    int count = 0;
    auto add = [&](std::string_view name) {
        const core::Scope *holder = name == "active" ? above.active_lock() : above.lock_of(name);
        if (holder != nullptr && count++ < most)
            text = cat(text == nullptr ? "" : text, text == nullptr ? "" : "\n", "\"", shown(name), "\" is locked by ",
                       scope_name(holder->level, holder->id), ".");
    };
    if (has(names, "*")) {
        for (const core::Property &property : target.type.schema->shape.properties())
            add(property.name);
        add("active");
    } else
        for (std::string_view name : names)
            add(name);
    if (count == 0)
        return;
    if (count > most)
        text = cat(text, "\nand ", std::to_string(count - most), " more");
    const char *scope = scope_name(target.scope.level, target.scope.text());
    guard([&] {
        ereport(NOTICE, (errmsg("a lock above %s stays", scope), errdetail("%s", text),
                         errhint("unlock_fields() removes it there.")));
    });
}

/// Changes what a scope locks. `names` none: all, and active, and fields to come.
void change_locks(FunctionCallInfo fcinfo, bool lock) {
    Target where = target(required_text(fcinfo, 0, "integration"), group_argument(id_argument(fcinfo, 2)));
    ContextResource memory(CurrentMemoryContext);
    Names names(&memory);
    if (PG_ARGISNULL(1))
        names.push_back("*");
    else
        names = names_in(PG_GETARG_DATUM(1), &memory);
    const core::Shape &shape = where.type.schema->shape;
    change_row(where, {}, [&](const std::optional<SettingsRow> &current) -> std::optional<SettingsRow> {
        Names locked = locks_of(current, &memory);
        check_names(where, names, Units(shape, locked, &memory));
        const Units units(shape, names, &memory);
        if (names.empty() || (!lock && locked.empty()) || (lock && has(locked, "*")))
            return std::nullopt;
        Names after(&memory);
        if (lock && has(names, "*"))
            after.push_back("*");
        else if (lock) {
            after = locked;
            add_units(after, shape, names, units);
        } else if (!has(names, "*")) {
            if (has(locked, "*")) { // all the others stay locked, by name
                for (const core::Property &property : shape.properties())
                    locked.push_back(property.name);
                locked.push_back("active");
            }
            for (std::string_view name : locked)
                if (name != "*" && !units.include(name))
                    after.push_back(name);
        }
        SettingsRow wanted = current ? *current : SettingsRow{false, std::nullopt, empty_object(), 0};
        wanted.locked = names_array(after);
        return wanted;
    });
    if (!lock)
        tell_locks_above(where, names);
}

/// Names that can be taken back: fields of the type, whether they are set or not, and what the row has; throws 22023
/// for any other.
void check_taken_back(const Target &target, const Names &names, const std::optional<SettingsRow> &row) {
    JsonFields stored = row ? fields_of(row->settings) : JsonFields{nullptr, 0};
    for (std::string_view name : names)
        if (name != "active" && target.type.schema->shape.find(name) < 0 && stored.find(name) == nullptr)
            throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                          cat("integration \"", target.type.name, "\" has no field \"", shown(name), "\""))
                .hint(fields_hint(target.type, name, "active"));
}

/// The fields that are given, without masks of what is set there: these say that it stays as it is. So does all that is
/// given of an inherited secret's atomic group, if all of it is what the scope ends up with: a part of it set here
/// would take the place of the whole, the secret included.
JsonFields without_masks(const Target &target, const std::optional<SettingsRow> &current, const JsonFields &given,
                         std::pmr::memory_resource *memory) {
    if (std::none_of(given.begin(), given.end(), [](const JsonField &field) { return is_mask(field.value); }))
        return given;
    AsOwner owner;
    FreshSnapshot snapshot;
    Inheritance &inherited = inheritance();
    const std::optional<Place> place = place_of(inherited, target.scope.level, target.type.name, target.scope.id);
    if (!place)
        return given; // it has gone meanwhile, which the triggers will say
    const Layer *layer = current ? make_layer(place->level, place->id, *current) : nullptr;
    const JsonFields none = {nullptr, 0};
    const core::Fold &effective = *inherited.with(place->above, layer).fold;
    const core::Shape &shape = target.type.schema->shape;
    Names inherited_secrets(memory), others(memory); // others: that are not what the scope ends up with
    std::pmr::vector<Meaning> meanings(memory);
    for (const JsonField &field : given) {
        meanings.push_back(
            meaning_of(target.type, layer == nullptr ? none : layer->fields, effective, field.key, field.value));
        if (meanings.back() == Meaning::effective)
            inherited_secrets.push_back(field.key);
        if (meanings.back() != Meaning::itself)
            continue;
        const int n = effective.find(field.key);
        const auto *value = n < 0 ? nullptr : static_cast<const JsonbValue *>(effective.fields()[n].value);
        if (value == nullptr || !same_json(value, &field.value))
            others.push_back(field.key);
    }
    const Units beside_secrets(shape, inherited_secrets, memory), changed(shape, others, memory);
    JsonFields left = {static_cast<JsonField *>(memory->allocate(sizeof(JsonField) * (given.count + 1))), 0};
    for (int i = 0; i < given.count; i++) {
        const JsonField &field = given.begin()[i];
        const bool stays = beside_secrets.include(field.key) && !changed.include(field.key);
        if (meanings[i] == Meaning::itself && !stays)
            left.begin_[left.count++] = field;
    }
    return left;
}

/// Of a function with the arguments integration, something, project_id, group_id.
Target either_target(FunctionCallInfo fcinfo) {
    return target(required_text(fcinfo, 0, "integration"),
                  scope_argument(either_id_argument(fcinfo, 2), either_id_argument(fcinfo, 3)));
}

} // namespace

void change_fields(const Target &target, const FieldChange &change) {
    const core::Shape &shape = target.type.schema->shape;
    ContextResource memory(CurrentMemoryContext);
    const Names none(&memory);
    const Names &take_back = change.take_back == nullptr ? none : *change.take_back;
    bool gives_active = change.sets_active && change.active, inherits_active = change.sets_active && !change.active;
    Given given;
    given.active = gives_active;
    given.takes_back = change.take_back != nullptr || inherits_active;
    change_row(target, given, [&](const std::optional<SettingsRow> &current) -> std::optional<SettingsRow> {
        check_taken_back(target, take_back, current);
        const JsonFields set = given.fields = without_masks(target, current, change.set, &memory);
        if (!current && set.count == 0 && !gives_active)
            return std::nullopt;
        if (current && current->custom &&
            (inherits_active || (change.take_back != nullptr && !change.take_back_from_custom)))
            refuse_inheriting(target);
        SettingsRow wanted = current ? *current : SettingsRow{false, std::nullopt, empty_object(), 0};
        JsonFields stored = fields_of(wanted.settings);
        Names named(&memory), changed(&memory);
        for (const JsonField &field : set) {
            named.push_back(field.key);
            if (!is_set_so(target.type, stored, field.key, field.value))
                changed.push_back(field.key);
        }
        const Units sets(shape, named, &memory), changes(shape, changed, &memory), goes(shape, take_back, &memory);
        // a secret, whatever the schema says today, goes with what it is bound to, too
        auto is_loose = [&](const JsonField &field) {
            return (changes.include(field.key) && read_secret(field.value)) || changes.bind(field.value) ||
                   goes.bind(field.value);
        };
        ObjectBuilder object;
        for (const JsonField &field : stored) {
            if (set.find(field.key) != nullptr || goes.name(field.key))
                continue;
            if (sets.include(field.key) ? changes.include(field.key) && target.type.schema->is_secret(field.key)
                                        : goes.include(field.key))
                continue;
            if (is_loose(field))
                continue;
            object.add(field.key, field.value);
        }
        for (const JsonField &field : set)
            object.add(field.key, field.value);
        wanted.settings = object.finish();
        if (change.sets_active)
            wanted.active = change.active;
        return wanted;
    });
}

Names names_in(Datum fields, std::pmr::memory_resource *memory) {
    const TextElements elements = guard([&] { return text_elements(fields); });
    if (elements.is_nested)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "argument \"fields\" must be a one-dimensional array");
    if (elements.has_nulls)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "names of fields must not be null");
    Names names(memory);
    for (Datum name : elements)
        names.push_back(view(name));
    return names;
}

std::optional<SettingsRow> without_fields(const core::Shape &shape, const SettingsRow &row, const Names &names) {
    ContextResource memory(CurrentMemoryContext);
    const Units goes(shape, names, &memory);
    SettingsRow wanted = row;
    ObjectBuilder object;
    bool found = false;
    for (const JsonField &field : fields_of(row.settings))
        if (goes.include(field.key) || goes.bind(field.value))
            found = true;
        else
            object.add(field.key, field.value);
    wanted.settings = object.finish();
    if (!row.custom && row.active && goes.name("active")) {
        wanted.active.reset();
        found = true;
    }
    return found ? std::optional<SettingsRow>(wanted) : std::nullopt;
}

void check_own(const Target &target, const Names &names) {
    std::optional<SettingsRow> own = lock_row(target);
    JsonFields fields = own ? fields_of(own->settings) : JsonFields{nullptr, 0};
    for (std::string_view name : names)
        if (fields.find(name) == nullptr)
            throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                          cat("field \"", name, "\" is inherited and can't be removed"))
                .hint("Set it to another value, or to JSON null.");
}

/// override_fields(integration, fields, project_id, group_id, active)
INTD_FUNCTION(override_fields) {
    Target where = either_target(fcinfo);
    const Jsonb *fields = required_jsonb(fcinfo, 1, "fields");
    if (!is_object(fields))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "fields must be a JSON object")
            .hint("For example: {\"channel\": \"#general\"}.");
    FieldChange change;
    change.set = fields_of(fields);
    change.active = boolean_argument(fcinfo, 4);
    change.sets_active = change.active.has_value();
    change_fields(where, change);
    PG_RETURN_VOID();
}

/// inherit_fields(integration, fields, project_id, group_id)
INTD_FUNCTION(inherit_fields) {
    Target where = either_target(fcinfo);
    require_argument(fcinfo, 1, "fields");
    ContextResource memory(CurrentMemoryContext);
    Names names = names_in(PG_GETARG_DATUM(1), &memory);
    FieldChange change;
    change.take_back = &names;
    change.sets_active = has(names, "active");
    change_fields(where, change);
    PG_RETURN_VOID();
}

/// set_active(integration, active, project_id, group_id)
INTD_FUNCTION(set_active) {
    Target where = either_target(fcinfo);
    FieldChange change;
    change.sets_active = true;
    change.active = boolean_argument(fcinfo, 1);
    change_fields(where, change);
    PG_RETURN_VOID();
}

/// lock_fields(integration, fields, group_id)
INTD_FUNCTION(lock_fields) {
    change_locks(fcinfo, true);
    PG_RETURN_VOID();
}

/// unlock_fields(integration, fields, group_id)
INTD_FUNCTION(unlock_fields) {
    change_locks(fcinfo, false);
    PG_RETURN_VOID();
}

} // namespace intd
