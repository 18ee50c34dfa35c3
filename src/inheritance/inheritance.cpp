#include "inheritance/inheritance.hpp"

#include "store/relation.hpp"

extern "C" {
#include "access/parallel.h"
}

namespace intd {
// --- layers ----------------------------------------------------------------------------------------------------------

const Layer *make_layer(core::Level level, std::string_view id, const SettingsRow &row) {
    const TextElements locks = guard([&] { return text_elements(row.locked); });
    // What is not an object, which only a restore can bring, sets nothing.
    const Jsonb *settings = is_object(row.settings) ? row.settings : ObjectBuilder().finish();
    ContextResource memory(CurrentMemoryContext);
    auto *layer = new (memory.allocate(sizeof(Layer)))
        Layer{{level, id}, row.custom, row.active, settings, fields_of(settings), nullptr, nullptr, 0, false};
    layer->core_fields = static_cast<core::Field *>(memory.allocate(sizeof(core::Field) * (layer->fields.count + 1)));
    for (int i = 0; i < layer->fields.count; i++)
        layer->core_fields[i] = {layer->fields.begin_[i].key, &layer->fields.begin_[i].value};
    layer->has_secrets = std::any_of(layer->fields.begin(), layer->fields.end(),
                                     [](const JsonField &field) { return may_be_secret(field.value); });
    layer->locks = static_cast<std::string_view *>(memory.allocate(sizeof(std::string_view) * (locks.count + 1)));
    for (Datum name : locks)
        layer->locks[layer->lock_count++] = view(name);
    return layer;
}

NamedLayer layer_from(core::Level level, const Row &row) {
    const SettingsColumns &columns = columns_of(level);
    auto value = [&](int n) { return row.nulls[n] ? std::nullopt : std::optional<Datum>(row.values[n]); };
    std::string_view id = columns.scope < 0 ? std::string_view() : view(row.values[columns.scope]);
    return {view(row.values[columns.integration]), make_layer(level, id, settings_row(columns, value))};
}

const Layer *Inheritance::project_layer(Datum project, const Integration &type) const {
    const Row *row = store_.row(Table::project_settings, project, text_datum(type.name));
    return row == nullptr ? nullptr : layer_from(core::Level::project, *row).layer;
}

Inheritance::Setter *Inheritance::make_setter(const TreeNode *node, const Layers *layers) {
    const uint32 mark = ++(base_ == nullptr ? *this : *base_).last_mark_;
    setters_.grow(setter_count_ + 1);
    Setter &made = setters_[setter_count_++];
    made.node = node;
    made.layers = layers;
    made.mark = mark;
    return &made;
}

Inheritance::Setter &Inheritance::find_setter(const TreeNode *node) {
    // up to where it is known, then down
    ContextResource passing_memory(CurrentMemoryContext);
    std::pmr::vector<const TreeNode *> way(&passing_memory);
    Setter *setter;
    for (; (setter = known_setter(node->mark)) == nullptr; node = node->parent)
        way.push_back(node);
    for (auto next = way.rbegin(); next != way.rend(); ++next) {
        if (const Layers *layers = read_layers(*next); layers != nullptr)
            setter = make_setter(*next, layers);
        (*next)->mark = setter->mark;
    }
    return *setter;
}

Inheritance::Layers *Inheritance::make_layers() {
    return new (memory_->allocate(sizeof(Layers))) Layers(memory_);
}

void Inheritance::read_all_layers() {
    InContext inside(context());
    for (const Row &row : store_.rows(Table::group_settings)) {
        Layers *&layers = by_group_[view(row.values[0])];
        if (layers == nullptr)
            layers = make_layers();
        layers->push_back(layer_from(core::Level::group, row));
    }
    for (auto &[id, layers] : by_group_)
        std::sort(layers->begin(), layers->end(), NamedLayer::comes_before);
    all_read_ = true;
}

const Inheritance::Layers *Inheritance::read_layers(const TreeNode *node) {
    const bool instance = node->level == core::Level::instance;
    if (!instance && base_ == nullptr && !all_read_ &&
        store_.is_worth_reading_whole(Table::group_settings, looks_++, room_for(size(), settings_grow)))
        read_all_layers();
    const Inheritance &reads_all = base_ == nullptr ? *this : *base_;
    if (!instance && reads_all.all_read_) {
        auto found = reads_all.by_group_.find(node->id);
        return found == reads_all.by_group_.end() ? nullptr : found->second;
    }
    Datum id = text_datum(node->id);
    InContext inside(context());
    Rows rows = store_.rows(instance ? Table::instance_settings : Table::group_settings, instance ? 0 : id);
    if (rows.count == 0 && !instance)
        return nullptr;
    Layers *layers = make_layers();
    for (const Row &row : rows)
        layers->push_back(layer_from(node->level, row));
    std::sort(layers->begin(), layers->end(), NamedLayer::comes_before);
    return layers;
}

const std::pmr::vector<NamedLayer> &Inheritance::layers_of(const TreeNode *node) {
    Setter &setter = setter_of(node);
    if (setter.node != node)
        return no_layers_;
    if (setter.layers != nullptr)
        return *setter.layers;
    if (instance_layers_ == nullptr)
        instance_layers_ =
            base_ != nullptr && base_->instance_layers_ != nullptr ? base_->instance_layers_ : read_layers(node);
    return *instance_layers_;
}

const Layer *Inheritance::layer_of(const TreeNode *node, const Integration &type) {
    if (node->level == core::Level::instance && instance_layers_ == nullptr) {
        InContext inside(context());
        const Row *row = store_.row(Table::instance_settings, text_datum(type.name));
        return row == nullptr ? nullptr : layer_from(node->level, *row).layer;
    }
    for (const NamedLayer &layer : layers_of(node))
        if (layer.integration == type.name)
            return layer.layer;
    return nullptr;
}

// --- projects' rows --------------------------------------------------------------------------------------------------

/// In a memory context of its own.
struct Inheritance::Projects {
    ContextResource memory;
    std::pmr::unordered_set<uint64> keys; // Nodes::key_of() their ids
    // Tells most projects that have no row apart, in memory that stays in the processor's cache: one word for every
    // four keys or less, in which each key sets three bits.
    std::pmr::vector<uint64> words;
    int shift = 63; // of a hash: words.size() is 2 to the power of 64 - shift

    explicit Projects(MemoryContext own) : memory(own), keys(&memory), words(&memory) {}

    void add_all(const Rows &rows) {
        while (rows.count > int64{4} << (64 - shift))
            shift--;
        words.resize(size_t{1} << (64 - shift));
        for (const Row &row : rows) {
            const uint64 key = Nodes::key_of(view(row.values[0])), hash = hash_of(key);
            keys.insert(key);
            words[hash >> shift] |= bits_of(hash);
        }
    }
    bool has(uint64 key) const {
        const uint64 hash = hash_of(key), bits = bits_of(hash);
        return (words[hash >> shift] & bits) == bits && keys.count(key) > 0;
    }

  private:
    static uint64 hash_of(uint64 key) { return (key ^ key >> 29) * UINT64CONST(0x9e3779b97f4a7c15); }
    static uint64 bits_of(uint64 hash) {
        return uint64{1} << (hash >> 26 & 63) | uint64{1} << (hash >> 32 & 63) | uint64{1} << (hash >> 38 & 63);
    }
};

void Inheritance::read_projects() {
    in_passing_memory([&] {
        Rows rows = store_.keys(Table::project_settings);
        MemoryContext own = guard([&] {
            return AllocSetContextCreate(memory_->whole(), "integration_defaults projects", ALLOCSET_DEFAULT_SIZES);
        });
        auto *projects = new (ContextResource(own).allocate(sizeof(Projects))) Projects(own);
        projects->add_all(rows);
        projects_ = projects;
    });
}

void Inheritance::forget_projects() {
    if (projects_ != nullptr)
        MemoryContextDelete(projects_->memory.context());
    projects_ = nullptr;
    project_looks_ = 0;
}

bool Inheritance::may_have_rows(Datum project) {
    if (base_ != nullptr)
        return base_->may_have_rows(project);
    constexpr Size most = 1024 * BLCKSZ; // what is remembered grows with groups, not with projects
    // Under SERIALIZABLE only what was asked for is to be noted as read.
    if (projects_ == nullptr && !IsolationIsSerializable() && reads_all_as_known() &&
        store_.is_worth_reading_whole(Table::project_settings, project_looks_++, most))
        read_projects();
    return projects_ == nullptr || projects_->has(Nodes::key_of(view(project)));
}

// --- folding ---------------------------------------------------------------------------------------------------------

Inheritance::Inheritance(SlicedMemory *memory, Tree &tree, uint32 last_mark, Inheritance *base)
    : memory_(memory), store_(tree.store()), base_(base), tree_(tree), setters_(memory), first_mark_(last_mark),
      last_mark_(last_mark), no_layers_(memory), by_group_(memory), by_number_(memory), types_(memory),
      folded_(memory) {
    if (base == nullptr)
        tree_.instance()->mark = make_setter(tree_.instance(), nullptr)->mark;
}

const Integration *Inheritance::look_up_type(std::string_view name, bool passing_over) {
    if (auto known = types_.find(name); known != types_.end())
        return last_type_ = known->second;
    if (base_ != nullptr)
        if (auto known = base_->types_.find(name); known != base_->types_.end())
            return last_type_ = known->second;
    Datum key = text_datum(name);
    const Integration *found = passing_over ? find_usable_integration(store_, key) : find_integration(store_, key);
    if (found != nullptr)
        types_.emplace(found->name, found);
    return found;
}

const Integration &Inheritance::type(std::string_view name) {
    const Integration *found = find_type(name);
    return found != nullptr ? *found : get_integration(store_, name);
}

const Folded &Inheritance::with(const Folded &base, const Layer *layer) {
    if (layer == nullptr)
        return base;
    ContextResource *memory = ContextResource::in(CurrentMemoryContext);
    auto *fold = new (memory->allocate(sizeof(core::Fold))) core::Fold(*base.fold, memory);
    fold->apply(layer->row());
    return *new (memory->allocate(sizeof(Folded))) Folded(base.integration, fold);
}

const Folded &Inheritance::above(const TreeNode *node, const Integration &type) {
    if (node->parent != nullptr)
        return down_to(node->parent, type);
    if (const Folded *known = find_folded(nullptr, type); known != nullptr)
        return *known;
    auto *fold = new (memory_->allocate(sizeof(core::Fold))) core::Fold(type.schema->shape, memory_);
    auto *nothing = new (memory_->allocate(sizeof(Folded))) Folded(&type, fold);
    folded_.emplace(Key{nullptr, &type}, nothing);
    return *nothing;
}

/// Once it was not found: null, or what Tree::around() throws.
const Folded *Inheritance::around_missing(std::string_view group) {
    tree_.around(group);
    return nullptr;
}

const Folded &Inheritance::around(const Row &project, const Integration &type) {
    if (!project.nulls[column::parent])
        if (const Folded *folded = in_group(view(project.values[column::parent]), type); folded != nullptr)
            return *folded;
    return down_to(tree_.parent_of(project), type);
}

const Folded *Inheritance::look_up_group(std::string_view id, const Integration &type) {
    const TreeNode *node = tree_.group(id);
    if (node == nullptr)
        return nullptr;
    Setter &setter = setter_of(node);
    tree_.find(id)->mark = setter.mark;
    mark_all_in_time();
    return &set_by(setter, type);
}

void Inheritance::mark_all_in_time() {
    constexpr uint32 as_much_as = 16; // at once, in memory that is on its way, so many cost as much as one
    if (all_marked_ || base_ != nullptr || !all_read_ || tree_.whole() == nullptr ||
        ++marked_ < tree_.whole()->count() / as_much_as)
        return;
    all_marked_ = true;
    const Nodes &groups = *tree_.whole();
    for (const auto &[id, layers] : by_group_)
        if (const TreeNode *node = groups.node(id); node != nullptr && known_setter(node->mark) == nullptr)
            node->mark = make_setter(node, layers)->mark;
    const uint64 highest = uint64{4} * groups.count(); // with larger numbers there would be more gaps than groups
    groups.visit([&](const Nodes::Entry &entry, const TreeNode *node) {
        const TreeNode *known = node;
        while (known_setter(known->mark) == nullptr)
            known = known->parent;
        for (const TreeNode *next = node; next != known; next = next->parent)
            next->mark = known->mark;
        entry.mark = node->mark;
        const uint32 number = number_of(node->id), setter = node->mark - first_mark_;
        if (number == 0 || number > highest || setter > UINT16_MAX)
            return;
        by_number_.grow(number + 1);
        by_number_size_ = std::max(by_number_size_, number + 1);
        by_number_[number] = static_cast<uint16>(setter);
    });
}

void Inheritance::expect(double scopes) {
    // What a parallel worker knows, it knows for one query, and begins with nothing: a tree of all groups would take it
    // several times as long as the numbers. Who remembers what he knows needs the tree for more than that.
    if (!IsParallelWorker() || base_ != nullptr || by_number_size_ > 0 || tree_.whole() != nullptr)
        return;
    const int looks = static_cast<int>(std::min(scopes, 1e9)) & ~63;
    if (!all_read_ && store_.is_worth_reading_whole(Table::group_settings, looks, room_for(size(), settings_grow)))
        read_all_layers();
    if (all_read_ && store_.is_worth_reading_whole(Table::groups, looks, room_for(size(), settings_grow)))
        in_passing_memory([&] { number_all(); });
}

void Inheritance::number_all() {
    ContextResource passing(CurrentMemoryContext);
    const NumberedGroups groups = store_.numbered_groups();
    const auto all = static_cast<size_t>(groups.count);
    const auto highest = static_cast<uint32>(std::min<uint64>(uint64{4} * all, UINT32_MAX - 1));
    constexpr uint32 no_way = UINT32_MAX; // up, as far as numbers tell
    std::pmr::vector<uint32> parents(highest + 1, no_way, &passing);
    for (const NumberedGroup &group : groups)
        if (group.id <= highest)
            parents[group.id] = group.parent <= highest ? group.parent : no_way;
    std::pmr::unordered_map<uint32, std::pair<std::string_view, const Layers *>> with_rows(&passing);
    std::pmr::vector<bool> has_rows(highest + 1, false, &passing);
    for (const auto &[id, layers] : by_group_)
        if (const uint32 number = number_of(id); number != 0 && number <= highest) {
            with_rows.emplace(number, std::pair(id, layers));
            has_rows[number] = true;
        }
    by_number_.grow(highest + 1);
    by_number_size_ = highest + 1;
    // up to what is known, then down
    std::pmr::vector<uint32> way(&passing);
    for (const NumberedGroup &group : groups) {
        way.clear();
        uint32 next = group.id <= highest ? group.id : no_way;
        for (; next != 0 && next != no_way && by_number_[next] == 0 && way.size() <= all; next = parents[next])
            way.push_back(next);
        if (next == no_way || way.size() > all) { // a cycle
            for (uint32 number : way)
                parents[number] = no_way;
            continue;
        }
        uint16 setter = next == 0 ? 1 : by_number_[next]; // the first is the instance
        for (auto number = way.rbegin(); number != way.rend(); ++number) {
            if (has_rows[*number]) {
                if (setter_count_ >= UINT16_MAX)
                    return;
                const auto &[id, layers] = with_rows.find(*number)->second;
                // of the groups between two setters nobody asks
                auto *node = new (memory_->allocate(sizeof(TreeNode)))
                    TreeNode{core::Level::group, 0, id, setters_[setter - 1].node};
                node->mark = make_setter(node, layers)->mark;
                setter = static_cast<uint16>(setter_count_);
            }
            by_number_[*number] = setter;
        }
    }
}

const Folded *Inheritance::find_folded(const Setter *setter, const Integration &type) const {
    if (base_ != nullptr)
        if (const Folded *folded = base_->find_folded(setter, type); folded != nullptr)
            return folded;
    auto known = folded_.find({setter, &type});
    return known == folded_.end() ? nullptr : known->second;
}

const Folded &Inheritance::fold_down_to(Setter &setter, const Integration &type) {
    // up to what is folded already, then down
    ContextResource passing_memory(CurrentMemoryContext);
    std::pmr::vector<const Setter *> way(&passing_memory);
    const Folded *folded = nullptr;
    for (const Setter *next = &setter; folded == nullptr;) {
        if (folded = find_folded(next, type); folded != nullptr)
            break;
        way.push_back(next);
        if (next->node->parent == nullptr)
            folded = &above(next->node, type);
        else
            next = &setter_of(next->node->parent);
    }
    InContext inside(context());
    for (auto next = way.rbegin(); next != way.rend(); ++next) {
        folded = &with(*folded, layer_of((*next)->node, type));
        folded_.emplace(Key{*next, &type}, folded);
    }
    // not what goes before the setter does
    if (base_ == nullptr || setter.mark > first_mark_ || (way.empty() && base_->find_folded(&setter, type) == folded)) {
        setter.type = &type;
        setter.folded = folded;
    }
    return *folded;
}

// --- effective settings ----------------------------------------------------------------------------------------------

namespace {

const JsonbValue *json_of(const core::Resolved &field) {
    return static_cast<const JsonbValue *>(field.value);
}

const JsonbValue *find_set(const void *fold, std::string_view name) {
    const auto *in = static_cast<const core::Fold *>(fold);
    const int n = in->find(name);
    return n < 0 || in->fields()[n].source == nullptr ? nullptr : json_of(in->fields()[n]);
}

/// Wipes a jsonb when its memory context goes. Server code.
void wipe_with_context(const Jsonb *json, MemoryContext context) {
    auto *callback = static_cast<MemoryContextCallback *>(MemoryContextAlloc(context, sizeof(MemoryContextCallback)));
    callback->arg = const_cast<Jsonb *>(json);
    callback->func = [](void *place) { wipe(place, VARSIZE(place)); };
    MemoryContextRegisterResetCallback(context, callback);
}

} // namespace

Beside beside(const core::Fold &fold) {
    return {&fold, find_set, {}};
}

JsonbValue masked(const Integration &type, std::string_view field, bool secret, const JsonbValue &value,
                  const Beside &around) {
    if (const std::optional<StoredSecret> stored = read_secret(value); stored)
        return mask_of(*stored, {type.name, field}, around);
    return secret && value.type != jbvNull ? unknown_mask() : value;
}

std::optional<JsonbValue> Folded::masked(std::string_view field) const {
    const int n = fold->find(field);
    const JsonbValue *value = n < 0 ? nullptr : json_of(fold->fields()[n]);
    if (value == nullptr)
        return std::nullopt;
    return intd::masked(*integration, field, integration->schema->is_secret(field), *value, beside(*fold));
}

const Jsonb *Folded::stored() const {
    if (const auto *sole = static_cast<const Layer *>(fold->sole_source()); sole != nullptr)
        return sole->settings;
    ObjectBuilder object;
    for (const core::Resolved &field : fold->fields())
        if (field.value != nullptr)
            object.add(field.name, *json_of(field));
    return object.finish();
}

const Jsonb *Folded::make(Form form) const {
    const Schema &schema = *integration->schema;
    const auto *sole = static_cast<const Layer *>(fold->sole_source());
    if (sole != nullptr && !schema.has_secrets && !sole->has_secrets)
        return settings_ = revealed_ = sole->settings;
    if (form == Form::revealed && !schema.has_secrets) { // nor has it any, most likely: then both are one
        make(Form::masked);
        if (revealed_ != nullptr)
            return revealed_;
    }
    MemoryContext context = GetMemoryChunkContext(const_cast<Folded *>(this));
    // what was opened lives as long as the call
    std::optional<InContext> inside;
    if (form == Form::masked)
        inside.emplace(context);
    const Beside around = beside(*fold);
    ObjectBuilder object;
    bool some_sealed = false, some_hidden = false;
    int n = -1;
    for (const core::Resolved &field : fold->fields()) {
        n++;
        if (field.value == nullptr)
            continue;
        const JsonbValue &value = *json_of(field);
        const std::optional<StoredSecret> stored = read_secret(value);
        const bool secret = n < schema.shape.size() && schema.shape.properties()[n].secret && value.type != jbvNull;
        if (!stored && !secret) {
            object.add(field.name, value);
            continue;
        }
        some_hidden = true;
        some_sealed = some_sealed || (stored && stored->sealed);
        const SecretField name = {integration->name, field.name};
        if (form == Form::masked) {
            object.add(field.name, stored ? mask_of(*stored, name, around) : unknown_mask());
            continue;
        }
        JsonbValue opened = value;
        if (stored)
            if (const Opening opening = open_secret(*stored, name, around, &opened); opening != Opening::opened)
                throw cant_open(*stored, name, opening);
        object.add(field.name, opened);
    }
    const Jsonb *made = object.finish();
    if (const uint64 version = some_sealed ? keys_version() : 0; version != keys_) {
        settings_ = revealed_ = nullptr; // made with other keys
        keys_ = version;
    }
    if (form == Form::masked) {
        settings_ = made;
        if (!some_hidden)
            revealed_ = made;
        return made;
    }
    if (!some_hidden && settings_ != nullptr)
        return revealed_ = settings_;
    return revealed_ = guard([&] {
               auto *copy = static_cast<Jsonb *>(MemoryContextAllocHuge(context, VARSIZE(made)));
               memcpy(copy, made, VARSIZE(made));
               if (some_hidden)
                   wipe_with_context(copy, context);
               return copy;
           });
}

} // namespace intd
