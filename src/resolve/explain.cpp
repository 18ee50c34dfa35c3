// Why a scope has the settings that it has: field by field, from the very fold that resolve() reads. And in which
// fields two projects differ.
#include "resolve/explain.hpp"

namespace intd {
namespace {

/// What is known of one field, as explain() shows it.
struct Line {
    enum Rank : uint8_t { active, property, other } rank; // lines stand in this order, then by name
    std::string_view field;
    Value value;
    const core::Scope *source;
    const char *reason;
    Value own, inherited;
    const core::Scope *lock;
};
using Lines = std::pmr::vector<Line>;

/// Adds a line for each field.
class Explanation {
  public:
    Explanation(Lines &lines, const Folded &folded, const Folded &above, const Layer *own)
        : lines_(lines), folded_(folded), above_(above), own_(own) {}

    void run() {
        add_active();
        const core::Shape &shape = folded_.integration->schema->shape;
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<const core::Resolved *> others(&memory);
        int n = 0;
        for (const core::Resolved &field : folded_.fold->fields()) {
            if (n++ < shape.size())
                add_field(Line::property, field, shape.properties()[n - 1].secret);
            else
                others.push_back(&field);
        }
        std::sort(others.begin(), others.end(),
                  [](const core::Resolved *a, const core::Resolved *b) { return a->name < b->name; });
        // What the schema does not name it makes no secret; what was one when it was set is stored as such.
        for (const core::Resolved *field : others)
            if (field->value != nullptr || own_value(field->name) != nullptr || above_value(field->name) != nullptr)
                add_field(Line::other, *field, false);
    }

  private:
    static const JsonbValue *json(core::FieldValue value) { return static_cast<const JsonbValue *>(value); }

    const JsonbValue *own_value(std::string_view name) const {
        return own_ == nullptr ? nullptr : own_->fields.find(name);
    }

    const JsonbValue *above_value(std::string_view name) const {
        int n = above_.fold->find(name);
        return n < 0 ? nullptr : json(above_.fold->fields()[n].value);
    }

    /// A value as jsonb; of a secret its mask.
    Value shown(std::string_view field, const JsonbValue *value, bool secret, const Beside &around) const {
        if (value == nullptr)
            return std::nullopt;
        return PointerGetDatum(to_jsonb(masked(*folded_.integration, field, secret, *value, around)));
    }

    static Datum boolean(bool truth) {
        JsonbValue value;
        value.type = jbvBool;
        value.val.boolean = truth;
        return PointerGetDatum(to_jsonb(value));
    }

    const char *reason(const core::Scope *lock, const core::Scope *source, bool has_value) const {
        if (lock != nullptr)
            return "locked";
        if (source != nullptr)
            return source == own_ ? "own" : "inherited";
        return has_value ? "schema default" : "not set";
    }

    void add_active() {
        const core::Fold &fold = *folded_.fold;
        const core::Scope *lock = above_.fold->active_lock();
        // nobody supplies the `false` of a type that is not allowed
        const core::Scope *source = folded_.integration->allowed ? fold.active_source() : nullptr;
        const char *why = folded_.integration->allowed ? reason(lock, source, false) : "not allowed";
        Value own;
        if (own_ != nullptr && own_->active)
            own = boolean(*own_->active);
        lines_.push_back(
            {Line::active, "active", boolean(folded_.active()), source, why, own, boolean(above_.active()), lock});
    }

    void add_field(Line::Rank rank, const core::Resolved &field, bool secret) {
        const core::Scope *lock = above_.fold->lock_of(field.name);
        const JsonFields own = own_ == nullptr ? JsonFields{nullptr, 0} : own_->fields;
        lines_.push_back({rank, field.name, shown(field.name, json(field.value), secret, beside(*folded_.fold)),
                          field.source, reason(lock, field.source, field.value != nullptr),
                          shown(field.name, own_value(field.name), secret, beside(own)),
                          shown(field.name, above_value(field.name), secret, beside(*above_.fold)), lock});
    }

    Lines &lines_;
    const Folded &folded_, &above_;
    const Layer *own_;
};

/// What is known of a scope's fields; nothing where nothing is configured.
Lines explained(const Question &asked, std::pmr::memory_resource *memory) {
    Lines lines(memory);
    const Folded &above = asked.above();
    const Layer *own = asked.own();
    const Folded &folded = asked.inherited.with(above, own);
    if (folded.configured())
        Explanation(lines, folded, above, own).run();
    return lines;
}

Value source_level(const core::Scope *source) {
    return source == nullptr ? std::nullopt : Value(level_name(source->level));
}

Value holder(const core::Scope *scope) {
    return scope == nullptr ? std::nullopt : Value(text_datum(shown_scope(scope->level, scope->id)));
}

bool same_value(const Line &a, const Line &b) {
    if (!a.value || !b.value)
        return a.value.has_value() == b.value.has_value();
    auto whole = [](const Value &value) { return const_cast<JsonbContainer *>(&jsonb_of(*value)->root); };
    return guard([&] { return compareJsonbContainers(whole(a.value), whole(b.value)) == 0; });
}

} // namespace

void explain(ResultSet &result, const Question &asked, const Past *past) {
    ContextResource memory(CurrentMemoryContext);
    for (const Line &line : explained(asked, &memory)) {
        const Value field = text_datum(line.field), level = source_level(line.source), id = source_id(line.source),
                    reason = text_datum(line.reason), lock = holder(line.lock);
        if (past == nullptr)
            result.add({field, line.value, level, id, reason, line.own, line.inherited, lock});
        else
            result.add({field, line.value, level, id, reason, line.own, line.inherited, lock,
                        line.source == nullptr ? std::nullopt : past->change(*line.source, line.field)});
    }
}

/// explain(integration, project_id, group_id)
INTD_FUNCTION(explain) {
    ResultSet result(fcinfo);
    std::optional<Question> asked = question(fcinfo, true);
    if (!asked)
        return null_result(fcinfo);
    explain(result, *asked, nullptr);
    return null_result(fcinfo);
}

/// compare(integration, project_id, other_project_id)
INTD_FUNCTION(compare) {
    ResultSet result(fcinfo);
    std::optional<std::string_view> integration = text_argument(fcinfo, 0);
    ScopeArgument projects[2];
    for (int n = 0; n < 2; n++) {
        IdArgument id = id_argument(fcinfo, n + 1);
        if (id.state == IdArgument::not_given)
            throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "two projects are needed")
                .hint("explain() shows the settings of one project, group, or the instance.");
        projects[n] = scope_argument(id, {IdArgument::not_given, 0});
    }
    if (!integration || projects[0].is_null || projects[1].is_null)
        return null_result(fcinfo);
    Inheritance &inherited = readable();
    const Integration &type = inherited.type(*integration);
    ContextResource memory(CurrentMemoryContext);
    auto lines = [&](const ScopeArgument &project) {
        const std::optional<Question> asked = question(inherited, type, project);
        return asked ? explained(*asked, &memory) : Lines(&memory);
    };
    const Lines one = lines(projects[0]), other = lines(projects[1]);
    auto before = [](const Line &a, const Line &b) { return std::tie(a.rank, a.field) < std::tie(b.rank, b.field); };
    static constexpr Line none = {};
    for (auto a = one.begin(), b = other.begin(); a != one.end() || b != other.end();) {
        const bool in_one = a != one.end() && (b == other.end() || !before(*b, *a));
        const bool in_other = b != other.end() && (a == one.end() || !before(*a, *b));
        const Line &left = in_one ? *a++ : none, &right = in_other ? *b++ : none;
        if (same_value(left, right))
            continue;
        result.add({text_datum(in_one ? left.field : right.field), left.value, source_level(left.source),
                    source_id(left.source), right.value, source_level(right.source), source_id(right.source)});
    }
    return null_result(fcinfo);
}

} // namespace intd
