// The fold against the rule of inheritance written down a second time, without any of its shortcuts: whatever chain
// the fuzzer's bytes spell, both must say the same of every field.
#include "core/fold.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace intd::core;

/// Properties come from the first of these; rows and locks may also name what the schema does not have.
const std::string_view names[] = {"", "a", "active", "aa", "b", "c", "d", "e", "f", "\xff", "*"};
constexpr size_t name_count = sizeof(names) / sizeof(names[0]);
constexpr int most_rows = 24;
const char values[4] = {};

void require(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "the fold is wrong: %s\n", what);
    abort();
}

/// Bytes, one after the other; zeros when they are used up.
class Bytes {
  public:
    Bytes(const uint8_t *data, size_t size) : next_(data), end_(data + size) {}
    bool left() const { return next_ < end_; }
    unsigned byte() { return left() ? *next_++ : 0; }
    unsigned bits() { return byte() | byte() << 8; }
    FieldValue value() { return &values[byte() % sizeof(values)]; }
    std::string_view name() { return names[byte() % name_count]; }

  private:
    const uint8_t *next_, *end_;
};

// --- the rule ------------------------------------------------------------------------------------------------------

struct Naive {
    struct State {
        FieldValue value;
        const Scope *source;
    };
    std::map<std::string_view, FieldValue> fallbacks;                    // of all properties
    const std::map<std::string_view, std::set<std::string_view>> *units; // of all names
    std::map<std::string_view, State> fields;                            // absent: not set, or the fallback
    std::map<std::string_view, const Scope *> locks; // as they were written, the highest of each name
    bool active = false;
    const Scope *active_source = nullptr, *nearest = nullptr;

    /// Scopes are numbered from the top by where they lie in the chain.
    static const Scope *higher(const Scope *a, const Scope *b) {
        if (a == nullptr || b == nullptr)
            return a == nullptr ? b : a;
        return atoi(a->id.data()) < atoi(b->id.data()) ? a : b;
    }
    const Scope *named_lock(std::string_view name) const {
        auto found = locks.find(name);
        return found == locks.end() ? nullptr : found->second;
    }
    const Scope *lock_of(std::string_view name) const {
        const Scope *lock = named_lock("*");
        for (std::string_view member : units->at(name))
            if (member != "*" && member != "active") // as locks, these are not names of fields
                lock = higher(lock, named_lock(member));
        return lock;
    }
    const Scope *active_lock() const { return higher(named_lock("*"), named_lock("active")); }

    State state(std::string_view name) const {
        if (auto found = fields.find(name); found != fields.end())
            return found->second;
        auto fallback = fallbacks.find(name);
        return {fallback == fallbacks.end() ? nullptr : fallback->second, nullptr};
    }

    void apply(const ScopeSettings &row) {
        auto locked_now = [&, before = *this](std::string_view name) { return before.lock_of(name) != nullptr; };
        bool active_locked = active_lock() != nullptr;
        if (row.custom) {
            for (auto at = fields.begin(); at != fields.end();)
                at = locked_now(at->first) ? std::next(at) : fields.erase(at);
            if (!active_locked)
                active = false, active_source = nullptr;
        }
        for (int i = 0; i < row.field_count; i++)
            if (!locked_now(row.fields[i].name))
                for (std::string_view member : units->at(row.fields[i].name))
                    fields.erase(member);
        for (int i = 0; i < row.field_count; i++)
            if (!locked_now(row.fields[i].name))
                fields[row.fields[i].name] = {row.fields[i].value, row.scope};
        if (row.active && !active_locked)
            active = *row.active, active_source = row.scope;
        if (row.custom || row.active || row.field_count > 0)
            nearest = row.scope;
        for (int i = 0; i < row.lock_count; i++)
            locks.emplace(row.locks[i], row.scope);
    }
};

/// A name with those that move together with it: groups that share a member are one.
std::set<std::string_view> unit_of(std::string_view name, const std::vector<std::set<std::string_view>> &atomic) {
    std::set<std::string_view> unit = {name};
    for (size_t before = 0; before != unit.size();) {
        before = unit.size();
        for (const auto &group : atomic)
            if (std::any_of(group.begin(), group.end(), [&](auto member) { return unit.count(member) > 0; }))
                unit.insert(group.begin(), group.end());
    }
    return unit;
}

void compare(const Fold &fold, const Naive &naive) {
    std::set<std::string_view> listed;
    for (const Resolved &field : fold.fields()) {
        require(listed.insert(field.name).second, "a field is listed twice");
        require(fold.find(field.name) == &field - fold.fields().data(), "a field is not found where it is");
    }
    for (std::string_view name : names) {
        int n = fold.find(name);
        Naive::State expected = naive.state(name);
        require((n < 0 ? nullptr : fold.fields()[n].value) == expected.value, "the value of a field");
        require((n < 0 ? nullptr : fold.fields()[n].source) == expected.source, "the source of a field");
        require(fold.lock_of(name) == naive.lock_of(name), "the lock of a field");
        require(n < 0 || fold.lock_of(fold.fields()[n]) == naive.lock_of(name), "the lock of a field that is listed");
    }
    require(fold.active() == naive.active, "active");
    require(fold.active_source() == naive.active_source, "the source of active");
    require(fold.active_lock() == naive.active_lock(), "the lock of active");
    require(fold.nearest() == naive.nearest, "the nearest scope");
    require(fold.configured() == (naive.nearest != nullptr), "whether it is configured");
}

/// The row that is said to be the result as it stands is.
void check_sole_source(const Fold &fold, const std::map<const Scope *, std::vector<Field>> &rows) {
    const Scope *sole = fold.sole_source();
    if (sole == nullptr)
        return;
    std::map<std::string_view, FieldValue> result, row;
    for (const Resolved &field : fold.fields())
        if (field.value != nullptr)
            result.emplace(field.name, field.value);
    for (const Field &field : rows.at(sole))
        row.emplace(field.name, field.value);
    require(result == row, "the sole source");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Bytes bytes(data, size);
    std::pmr::memory_resource *memory = std::pmr::new_delete_resource();

    // the schema
    Naive naive;
    Shape shape(memory);
    std::pmr::vector<std::string_view> properties(memory);
    std::vector<std::set<std::string_view>> atomic;
    unsigned has = bytes.bits(), has_fallback = bytes.bits();
    for (size_t i = 0; i < name_count; i++) {
        if ((has >> i & 1) == 0 || names[i] == "active" || names[i] == "*")
            continue;
        FieldValue fallback = (has_fallback >> i & 1) != 0 ? &values[i % sizeof(values)] : nullptr;
        shape.add(names[i], fallback, false);
        naive.fallbacks.emplace(names[i], fallback);
        properties.push_back(names[i]);
    }
    shape.seal();
    for (unsigned groups = bytes.byte() % 4; groups > 0 && !properties.empty(); groups--) {
        std::pmr::vector<std::string_view> group(memory);
        for (unsigned members = bytes.byte() % 6; members > 0; members--)
            group.push_back(properties[bytes.byte() % properties.size()]);
        require(shape.join(group), "properties are not joined");
        atomic.emplace_back(group.begin(), group.end());
    }

    std::map<std::string_view, std::set<std::string_view>> units;
    for (std::string_view name : names)
        units.emplace(name, unit_of(name, atomic));
    naive.units = &units;

    // the chain; now and then it branches, and goes on in the copy
    std::deque<Fold> folds;
    std::deque<Naive> expected;
    folds.emplace_back(shape, memory);
    expected.push_back(naive);
    std::deque<std::string> ids;
    std::deque<Scope> scopes;
    std::map<const Scope *, std::vector<Field>> rows;
    for (int n = 0; n < most_rows && bytes.left(); n++) {
        unsigned what = bytes.byte();
        scopes.push_back({n == 0 ? Level::instance : Level::group, ids.emplace_back(std::to_string(n))});
        ScopeSettings row = {&scopes.back(), (what & 1) != 0, std::nullopt, nullptr, 0, nullptr, 0};
        if ((what & 2) != 0)
            row.active = (what & 4) != 0;
        std::vector<Field> &fields = rows[row.scope];
        for (unsigned count = what >> 4 & 7; count > 0; count--) {
            std::string_view name = bytes.name();
            if (std::none_of(fields.begin(), fields.end(), [&](const Field &field) { return field.name == name; }))
                fields.push_back({name, bytes.value()});
        }
        std::vector<std::string_view> locks;
        if ((what & 8) != 0)
            for (unsigned count = bytes.byte() % 4; count > 0; count--)
                locks.push_back(bytes.name());
        row.fields = fields.data(), row.field_count = static_cast<int>(fields.size());
        row.locks = locks.data(), row.lock_count = static_cast<int>(locks.size());
        if ((what & 128) != 0) {
            folds.emplace_back(folds.back(), memory);
            expected.push_back(Naive(expected.back()));
        }
        folds.back().apply(row);
        expected.back().apply(row);
        compare(folds.back(), expected.back());
        check_sole_source(folds.back(), rows);
    }
    for (size_t i = 0; i < folds.size(); i++) // what a copy does leaves the original as it was
        compare(folds[i], expected[i]);
    return 0;
}
