// What the tests of the fold are written in: a type of integration, a chain of scopes with what is set on each, and
// short answers as text ("-" is absent).
#pragma once

#include "core/fold.hpp"

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace intd::test {

using namespace core;

/// Values are texts; the core sees only where they are.
inline FieldValue value(const std::string &text) {
    static std::set<std::string> texts;
    return &*texts.insert(text).first;
}

inline std::string text(FieldValue of) {
    return of == nullptr ? "-" : *static_cast<const std::string *>(of);
}

inline std::string text(const Scope *scope) {
    if (scope == nullptr)
        return "-";
    if (scope->level == Level::instance)
        return "instance";
    return (scope->level == Level::group ? "group " : "project ") + std::string(scope->id);
}

/// A type of integration. Its names must outlive it: give literals.
class Type {
  public:
    struct Given {
        std::string_view name;
        const char *fallback = nullptr;
        bool secret = false;
    };

    explicit Type(const std::vector<Given> &properties, const std::vector<std::vector<std::string_view>> &atomic = {})
        : shape_(std::pmr::new_delete_resource()) {
        for (const Given &given : properties)
            shape_.add(given.name, given.fallback ? value(given.fallback) : nullptr, given.secret);
        shape_.seal();
        for (const auto &group : atomic)
            shape_.join(std::pmr::vector<std::string_view>(group.begin(), group.end()));
    }

    const Shape &shape() const { return shape_; }

  private:
    Shape shape_;
};

/// What is set on one scope.
struct Set {
    bool custom = false;
    std::optional<bool> active = std::nullopt;
    std::vector<std::pair<std::string_view, const char *>> fields = {};
    std::vector<std::string_view> locks = {};

    Set on() && { return active = true, std::move(*this); }
    Set off() && { return active = false, std::move(*this); }
    Set lock(std::vector<std::string_view> names) && { return locks = std::move(names), std::move(*this); }
};

using Fields = std::vector<std::pair<std::string_view, const char *>>;

inline Set custom(Fields fields = {}) {
    return {true, true, std::move(fields), {}};
}
inline Set override_with(Fields fields = {}) {
    return {false, std::nullopt, std::move(fields), {}};
}

/// A chain of scopes, from the instance down, folded as it grows.
class Chain {
  public:
    explicit Chain(const Type &type)
        : memory_(std::pmr::new_delete_resource()), fold_(std::make_unique<Fold>(type.shape(), memory_)) {}
    /// Another branch below what is there already.
    Chain(const Chain &above) : memory_(above.memory_), fold_(std::make_unique<Fold>(*above.fold_, memory_)) {}

    Chain &instance(const Set &set) { return apply({Level::instance, ""}, set); }
    Chain &group(std::string_view id, const Set &set) { return apply({Level::group, id}, set); }
    Chain &project(std::string_view id, const Set &set) { return apply({Level::project, id}, set); }

    Chain &apply(Scope scope, const Set &set) {
        scopes().push_back(scope);
        std::vector<Field> fields;
        for (const auto &[name, given] : set.fields)
            fields.push_back({name, value(given)});
        fold_->apply({&scopes().back(), set.custom, set.active, fields.data(), static_cast<int>(fields.size()),
                      set.locks.data(), static_cast<int>(set.locks.size())});
        return *this;
    }

    const Fold &fold() const { return *fold_; }
    std::string operator[](std::string_view name) const {
        int n = fold_->find(name);
        return n < 0 ? "-" : text(fold_->fields()[n].value);
    }
    std::string from(std::string_view name) const {
        int n = fold_->find(name);
        return n < 0 ? "-" : text(fold_->fields()[n].source);
    }
    std::string locked_by(std::string_view name) const { return text(fold_->lock_of(name)); }
    bool active() const { return fold_->active(); }
    std::string active_from() const { return text(fold_->active_source()); }
    std::string active_locked_by() const { return text(fold_->active_lock()); }
    std::string nearest() const { return text(fold_->nearest()); }
    std::string sole_source() const { return text(fold_->sole_source()); }

  private:
    /// Scopes stay where they are for as long as the program runs.
    static std::deque<Scope> &scopes() {
        static std::deque<Scope> all;
        return all;
    }

    std::pmr::memory_resource *memory_;
    std::unique_ptr<Fold> fold_;
};

} // namespace intd::test
