// Why a scope has the settings that it has: field by field, from the very fold that resolve() reads.
#include "resolve/explain.hpp"

#include "postgres/fingerprint.hpp"

namespace intd {
namespace {

class Explanation {
  public:
    Explanation(ResultSet &result, const Folded &folded, const Folded &above, const Layer *own, const Past *past)
        : result_(result), folded_(folded), above_(above), own_(own), past_(past) {}

    void run() {
        add_active();
        const core::Shape &shape = folded_.integration->schema->shape;
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<const core::Resolved *> others(&memory);
        int n = 0;
        for (const core::Resolved &field : folded_.fold->fields()) {
            if (n++ < shape.size())
                add_field(field, shape.properties()[n - 1].secret);
            else
                others.push_back(&field);
        }
        std::sort(others.begin(), others.end(),
                  [](const core::Resolved *a, const core::Resolved *b) { return a->name < b->name; });
        // A key that the schema does not name may be a secret that it named once; a schema that names none keeps none.
        for (const core::Resolved *field : others)
            if (field->value != nullptr || own_value(field->name) != nullptr || above_value(field->name) != nullptr)
                add_field(*field, shape.size() > 0);
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

    /// A value as jsonb; of a secret its fingerprint. JSON null is no secret.
    Value shown(const JsonbValue *value, bool secret) const {
        if (value == nullptr)
            return std::nullopt;
        if (!secret || value->type == jbvNull || past_ != nullptr) // of the past there are only masks
            return PointerGetDatum(to_jsonb(*value));
        const Jsonb *whole = to_jsonb(*value);
        std::string_view bytes(reinterpret_cast<const char *>(whole), VARSIZE(whole));
        return string(fingerprint(bytes));
    }

    static Datum string(std::string_view text) {
        JsonbValue value;
        value.type = jbvString;
        value.val.string.val = const_cast<char *>(text.data());
        value.val.string.len = static_cast<int>(text.size());
        return PointerGetDatum(to_jsonb(value));
    }

    static Datum boolean(bool truth) {
        JsonbValue value;
        value.type = jbvBool;
        value.val.boolean = truth;
        return PointerGetDatum(to_jsonb(value));
    }

    static Value holder(const core::Scope *scope) {
        if (scope == nullptr)
            return std::nullopt;
        return text_datum(shown_scope(scope->level, scope->id));
    }

    const char *reason(const core::Scope *lock, const core::Scope *source, bool has_value) const {
        if (lock != nullptr)
            return "locked";
        if (source != nullptr)
            return source == own_ ? "own" : "inherited";
        return has_value ? "schema default" : "not set";
    }

    void add(std::string_view field, Value value, const core::Scope *source, const char *why, Value own,
             Value inherited, const core::Scope *lock) {
        Value level;
        if (source != nullptr)
            level = level_name(source->level);
        if (past_ != nullptr)
            return result_.add({text_datum(field), value, level, source_id(source), text_datum(why), own, inherited,
                                holder(lock), source == nullptr ? std::nullopt : past_->change(*source, field)});
        result_.add(
            {text_datum(field), value, level, source_id(source), text_datum(why), own, inherited, holder(lock)});
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
        add("active", boolean(folded_.active()), source, why, own, boolean(above_.active()), lock);
    }

    void add_field(const core::Resolved &field, bool secret) {
        const core::Scope *lock = above_.fold->lock_of(field.name);
        add(field.name, shown(json(field.value), secret), field.source,
            reason(lock, field.source, field.value != nullptr), shown(own_value(field.name), secret),
            shown(above_value(field.name), secret), lock);
    }

    ResultSet &result_;
    const Folded &folded_, &above_;
    const Layer *own_;
    const Past *past_;
};

} // namespace

void explain(ResultSet &result, const Question &asked, const Past *past) {
    const Folded &above = asked.above();
    const Layer *own = asked.own();
    const Folded &folded = asked.inherited.with(above, own);
    if (folded.configured())
        Explanation(result, folded, above, own, past).run();
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

} // namespace intd
