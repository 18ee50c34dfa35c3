// What each scope inherits: the rows on its chain, folded.
//
// Folding is remembered: by a backend, for every snapshot that shows the same generation of the small tables (see
// generation.hpp); where a snapshot has none, for as long as the snapshot stays the same. So a group is folded once for
// all that hangs on it, and reading a project's settings looks at the project's own rows only. A scope without a row
// shares its parent's Folded. What is remembered can never show what the snapshot does not. Nothing is remembered
// between two calls for a user who can't read all our tables directly (see relation.hpp).
#pragma once

#include "catalog/integration.hpp"
#include "inheritance/chain.hpp"
#include "postgres/jsonb.hpp"
#include "secrets/secret.hpp"
#include "store/settings_row.hpp"

namespace intd {

/// A row of one of the settings tables, in the fold's terms. The Scope is the row's own.
struct Layer : core::Scope {
    bool custom;
    std::optional<bool> active;
    const Jsonb *settings; // an object
    JsonFields fields;
    core::Field *core_fields;
    std::string_view *locks;
    int lock_count;
    bool has_secrets; // stored as such, whatever the schema says

    core::ScopeSettings row() const { return {this, custom, active, core_fields, fields.count, locks, lock_count}; }
    bool sets_something() const { return row().sets_something(); }
};

/// The row of a scope as a layer. Allocated in the current memory context, as what the row points to should be.
const Layer *make_layer(core::Level level, std::string_view id, const SettingsRow &row);

struct NamedLayer {
    std::string_view integration;
    const Layer *layer;

    static bool comes_before(const NamedLayer &a, const NamedLayer &b) { return a.integration < b.integration; }
};

/// What a row of instance_settings, group_settings or project_settings holds, in the current memory context.
NamedLayer layer_from(core::Level level, const Row &row);

/// The fold of everything down to one scope, and what follows from it.
struct Folded {
    const Integration *integration;
    const core::Fold *fold;
    const core::Scope *nearest; // as the fold's: it need not be looked at for each of many rows
    bool is_active;
    mutable const Jsonb *settings_ = nullptr; // effective settings, once somebody asked
    mutable const Jsonb *revealed_ = nullptr; // the same with secrets, once somebody asked
    mutable uint64 keys_ = 0;                 // with which both were made; 0: without

    Folded(const Integration *type, const core::Fold *of_it)
        : integration(type), fold(of_it), nearest(fold->nearest()), is_active(fold->active() && type->allowed) {}

    bool configured() const { return nearest != nullptr; }
    bool active() const { return is_active; }
    /// Effective settings as everybody may see them: secrets are masked. In the same memory context as the Folded.
    const Jsonb *settings() const { return settings_ != nullptr && has_its_keys() ? settings_ : make(Form::masked); }
    /// With secrets, for active_settings() and all_active_settings() alone. Throws 55000 if one can't be opened. In
    /// memory that is wiped when its context goes.
    const Jsonb *revealed() const { return revealed_ != nullptr && has_its_keys() ? revealed_ : make(Form::revealed); }
    /// With secrets as they are stored, to be checked against the schema. In the current memory context.
    const Jsonb *stored() const;
    /// A field's value as settings() has it, none if it has none.
    std::optional<JsonbValue> masked(std::string_view field) const;

    enum class Form { masked, revealed };
    bool has_its_keys() const { return keys_ == 0 || keys_ == keys_version(); }
    const Jsonb *make(Form form) const;
};

/// What of a fold stands beside a secret in it: what a scope has set, not what is the schema's default.
Beside beside(const core::Fold &fold);

/// A value as everybody may see it: of a secret the mask. `secret`: by the schema, even if it is not stored as one.
JsonbValue masked(const Integration &type, std::string_view field, bool secret, const JsonbValue &value,
                  const Beside &around);

/// Of one Store. That of the live tables is got anew, by inheritance(), in every function that the server calls: what
/// it gives is valid until the next call of inheritance().
class Inheritance {
  public:
    /// What is set in that tree, in which marks up to `last_mark` stand for nothing any more. A `base` knows a part of
    /// it already, and does not change while this one is used, which then remembers only what the base does not know.
    Inheritance(SlicedMemory *memory, Tree &tree, uint32 last_mark = 0, Inheritance *base = nullptr);

    const Store &store() const { return store_; }
    Tree &tree() { return tree_; }
    /// The type, or null / 42704 if it is not registered; 55000 if its schema can't be used.
    const Integration *find_type(std::string_view name, bool passing_over = false) {
        return last_type_ != nullptr && last_type_->name == name ? last_type_ : look_up_type(name, passing_over);
    }
    /// The same for a caller that goes over many types: null, with a WARNING, also if the type's schema can't be used.
    const Integration *find_usable_type(std::string_view name) { return find_type(name, true); }
    const Integration &type(std::string_view name);

    /// The fold down to a group or the instance, its own row included.
    const Folded &down_to(const TreeNode *node, const Integration &type) { return set_by(setter_of(node), type); }
    /// The fold down to this group, for callers that ask for many; null if the group is not there.
    const Folded *in_group(std::string_view id, const Integration &type) {
        if (const uint32 number = number_of(id); number < by_number_size_)
            if (const uint16 setter = by_number_[number]; setter != 0)
                return &set_by(setters_[setter - 1], type);
        const Nodes::Entry *known = tree_.find(id);
        Setter *setter = known == nullptr ? nullptr : known_setter(known->mark);
        return setter == nullptr ? look_up_group(id, type) : &set_by(*setter, type);
    }
    /// The same of what something is in, by Tree::around(): the instance if there is no group. Null if it has no way
    /// up.
    const Folded *around(std::optional<std::string_view> group, const Integration &type) {
        if (!group)
            return &down_to(tree_.instance(), type);
        const Folded *folded = in_group(*group, type);
        return folded != nullptr ? folded : around_missing(*group);
    }
    /// The fold of what a project is in, given its row of `projects`; 23503 if that has no way up.
    const Folded &around(const Row &project, const Integration &type);
    /// The fold of what stands above `node`, the schema's defaults for the instance.
    const Folded &above(const TreeNode *node, const Integration &type);
    /// `base` and one more layer; in the current memory context. With no layer, `base`.
    const Folded &with(const Folded &base, const Layer *layer);

    /// The row that the group or the instance has for the type, or null.
    const Layer *layer_of(const TreeNode *node, const Integration &type);
    /// The row that a project, a text Datum, has for the type, or null, in the current memory context. Where most have
    /// none, ask may_have_rows() first.
    const Layer *project_layer(Datum project, const Integration &type) const;
    /// Whether a project, a text Datum, may have rows in project_settings; no is certain.
    bool may_have_rows(Datum project);
    /// To be called when the snapshot changes: no generation counts the writes to project_settings.
    void forget_projects();
    /// That so many scopes will be asked for, under this snapshot.
    void expect(double scopes);
    /// All rows of the group or the instance, by the names of their types.
    const std::pmr::vector<NamedLayer> &layers_of(const TreeNode *node);

    SlicedMemory &memory() { return *memory_; }
    /// Of what is remembered, in bytes.
    Size size() { return memory_->size() + (memory_ == &tree_.memory() ? 0 : tree_.memory().size()); }
    /// The last mark that was given in its tree.
    uint32 last_mark() const { return last_mark_; }

  private:
    using Layers = std::pmr::vector<NamedLayer>;
    /// A group that has rows, or the instance.
    struct Setter {
        const TreeNode *node = nullptr;
        const Layers *layers = nullptr; // null: the instance's, see instance_layers_
        uint32 mark = 0;                // of the groups that it is the nearest of
        const Integration *type = nullptr;
        const Folded *folded = nullptr; // down to here, for the type that was asked for last
    };
    struct Key {
        const Setter *setter; // null: above the instance
        const Integration *type;
        bool operator==(const Key &other) const { return setter == other.setter && type == other.type; }
    };
    struct Hash {
        size_t operator()(const Key &key) const {
            return (reinterpret_cast<size_t>(key.setter) >> 4) * 31 + (reinterpret_cast<size_t>(key.type) >> 4);
        }
    };

    const Integration *look_up_type(std::string_view name, bool passing_over);
    /// Null if the mark stands for no setter, or for one of an Inheritance that was on the same base before and is
    /// gone.
    Setter *known_setter(uint32 mark) const {
        if (base_ != nullptr && mark - base_->first_mark_ <= base_->setter_count_)
            return base_->known_setter(mark);
        const uint32 place = mark - first_mark_ - 1;
        return place < setter_count_ ? &setters_[place] : nullptr;
    }
    /// The nearest, the node itself or above it.
    Setter &setter_of(const TreeNode *node) {
        Setter *known = known_setter(node->mark);
        return known != nullptr ? *known : find_setter(node);
    }
    Setter &find_setter(const TreeNode *node);
    Setter *make_setter(const TreeNode *node, const Layers *layers);
    const Folded *look_up_group(std::string_view id, const Integration &type);
    const Folded *around_missing(std::string_view group);
    /// Finds the setters of all groups, once enough were asked for one by one.
    void mark_all_in_time();
    /// The same of all groups whose ids and those above are numbers, without a tree of them; all layers are read.
    void number_all();
    const Folded &set_by(Setter &setter, const Integration &type) {
        return setter.type == &type ? *setter.folded : fold_down_to(setter, type);
    }
    const Folded &fold_down_to(Setter &setter, const Integration &type);
    /// All rows of the group or the instance; null if a group has none.
    const Layers *read_layers(const TreeNode *node);
    const Folded *find_folded(const Setter *setter, const Integration &type) const;
    /// Where all that lives that is remembered now.
    MemoryContext context() { return memory_->context(); }
    Layers *make_layers();
    /// Reads the rows of all groups.
    void read_all_layers();
    /// Reads which projects have rows.
    void read_projects();

    SlicedMemory *memory_;
    Store store_;
    Inheritance *base_;
    Tree &tree_;
    // What each mark stands for. New marks are higher than any that was given in the tree before, so the mark of a
    // setter that is gone never stands for another one.
    Pieces<Setter> setters_;
    uint32 setter_count_ = 0, first_mark_, last_mark_;
    const Layers *instance_layers_ = nullptr; // once they are read
    const Layers no_layers_;
    std::pmr::unordered_map<std::string_view, Layers *> by_group_; // once all are read
    bool all_read_ = false;
    int looks_ = 0;     // groups whose rows were read one by one
    uint32 marked_ = 0; // groups whose setters were looked up one by one
    bool all_marked_ = false;
    // Of groups whose ids are numbers, once all are marked, by these numbers: which of setters_, from 1 on; 0: look in
    // the tree. Of many groups, that is a sixth of the memory to look at.
    Pieces<uint16> by_number_;
    uint32 by_number_size_ = 0;
    struct Projects;               // those with rows in project_settings
    Projects *projects_ = nullptr; // once all are read
    int project_looks_ = 0;        // projects whose rows were asked for one by one
    std::pmr::unordered_map<std::string_view, const Integration *> types_;
    const Integration *last_type_ = nullptr; // often the next one, too
    std::pmr::unordered_map<Key, const Folded *, Hash> folded_;
};

} // namespace intd
