#include "settings/inheritance.hpp"

namespace intd {
namespace {

/// More than this is not remembered from one call to the next (bytes).
constexpr Size remember_at_most = 64 * 1024 * 1024;

/// All that decides what a snapshot shows, but for the state of our own (sub)transactions, whose ends forget.
struct SnapshotKey {
    TransactionId xmin, xmax;
    uint32 xcnt;
    int32 subxcnt;
    bool suboverflowed, in_recovery;
    CommandId command;
    const TransactionId *running; // xip, then subxip

    bool matches(Snapshot snapshot) const {
        return xmin == snapshot->xmin && xmax == snapshot->xmax && command == snapshot->curcid &&
               xcnt == snapshot->xcnt && subxcnt == snapshot->subxcnt && suboverflowed == snapshot->suboverflowed &&
               in_recovery == snapshot->takenDuringRecovery &&
               (xcnt == 0 || memcmp(running, snapshot->xip, xcnt * sizeof(TransactionId)) == 0) &&
               (subxcnt <= 0 || memcmp(running + xcnt, snapshot->subxip, subxcnt * sizeof(TransactionId)) == 0);
    }

    static SnapshotKey of(Snapshot snapshot, MemoryContext context) {
        Size others = std::max<int32>(snapshot->subxcnt, 0);
        auto *running = static_cast<TransactionId *>(
            MemoryContextAlloc(context, (snapshot->xcnt + others + 1) * sizeof(TransactionId)));
        if (snapshot->xcnt > 0)
            memcpy(running, snapshot->xip, snapshot->xcnt * sizeof(TransactionId));
        if (others > 0)
            memcpy(running + snapshot->xcnt, snapshot->subxip, others * sizeof(TransactionId));
        return {snapshot->xmin,          snapshot->xmax,
                snapshot->xcnt,          snapshot->subxcnt,
                snapshot->suboverflowed, snapshot->takenDuringRecovery,
                snapshot->curcid,        running};
    }
};

/// The one Inheritance of this backend.
struct {
    MemoryContext context;
    Inheritance *inheritance; // null: nothing is remembered
    SnapshotKey snapshot;
    Oid user;
} remembered;

void forget() {
    remembered.inheritance = nullptr;
}

void at_transaction_end(XactEvent event, void *) {
    if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE || event == XACT_EVENT_PARALLEL_PRE_COMMIT)
        return;
    forget();
    if (remembered.context != nullptr)
        MemoryContextReset(remembered.context);
}

void at_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    if (event == SUBXACT_EVENT_ABORT_SUB)
        forget();
}

} // namespace

Inheritance &inheritance() {
    auto make = [](MemoryContext context) {
        void *place = ContextResource::in(context)->allocate(sizeof(Inheritance));
        return new (place) Inheritance(context);
    };
    // Without direct reading, the policies of others may run while we read, and call us again.
    if (!reads_all_directly())
        return *make(guard([] {
            return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults inheritance",
                                         ALLOCSET_DEFAULT_SIZES);
        }));

    Snapshot snapshot = GetActiveSnapshot();
    if (remembered.inheritance != nullptr && remembered.user == GetUserId() && remembered.snapshot.matches(snapshot) &&
        MemoryContextMemAllocated(remembered.context, false) < remember_at_most)
        return *remembered.inheritance;
    forget();
    guard([&] {
        if (remembered.context == nullptr)
            remembered.context =
                AllocSetContextCreate(CacheMemoryContext, "integration_defaults inheritance", ALLOCSET_DEFAULT_SIZES);
        else
            MemoryContextReset(remembered.context);
        remembered.snapshot = SnapshotKey::of(snapshot, remembered.context);
    });
    remembered.user = GetUserId();
    remembered.inheritance = make(remembered.context);
    return *remembered.inheritance;
}

void watch_inheritance() {
    RegisterXactCallback(at_transaction_end, nullptr);
    RegisterSubXactCallback(at_subtransaction_end, nullptr);
}

// --- layers ----------------------------------------------------------------------------------------------------------

const Layer *make_layer(core::Level level, std::string_view id, bool custom, std::optional<bool> active,
                        const Jsonb *settings, Datum locked) {
    struct Locks {
        Datum *names;
        bool *nulls;
        int count;
    };
    Locks locks = guard([&] {
        Locks found = {nullptr, nullptr, 0};
        if (locked != 0)
            deconstruct_array(DatumGetArrayTypeP(locked), TEXTOID, -1, false, TYPALIGN_INT, &found.names, &found.nulls,
                              &found.count);
        return found;
    });
    ContextResource memory(CurrentMemoryContext);
    auto *layer = new (memory.allocate(sizeof(Layer)))
        Layer{{level, id}, custom, active, settings, fields_of(settings), nullptr, nullptr, 0};
    layer->core_fields = static_cast<core::Field *>(memory.allocate(sizeof(core::Field) * (layer->fields.count + 1)));
    for (int i = 0; i < layer->fields.count; i++)
        layer->core_fields[i] = {layer->fields.begin_[i].key, &layer->fields.begin_[i].value};
    layer->locks = static_cast<std::string_view *>(memory.allocate(sizeof(std::string_view) * (locks.count + 1)));
    for (int i = 0; i < locks.count; i++)
        if (!locks.nulls[i])
            layer->locks[layer->lock_count++] = view(locks.names[i]);
    return layer;
}

NamedLayer layer_from(core::Level level, const Row &row) {
    // the columns of the key, (scope and) type, come before the others
    int first = level == core::Level::instance ? 1 : 2;
    auto at = [&](int column) { return row.values[first + column]; };
    auto is_null = [&](int column) { return row.nulls[first + column]; };
    std::string_view id = level == core::Level::instance ? std::string_view() : view(row.values[0]);
    std::optional<bool> active;
    if (!is_null(column::active))
        active = DatumGetBool(at(column::active));
    const Jsonb *settings = jsonb_of(at(column::settings));
    Datum locked = level == core::Level::project ? 0 : at(column::locked);
    return {view(row.values[first - 1]),
            make_layer(level, id, DatumGetBool(at(column::custom)), active, settings, locked)};
}

const Layer *project_layer(std::string_view project, const Integration &type) {
    const Row *row = read_row(Table::project_settings, text_datum(project), text_datum(type.name));
    return row == nullptr ? nullptr : layer_from(core::Level::project, *row).layer;
}

const std::pmr::vector<NamedLayer> &Inheritance::layers_of(const TreeNode *node) {
    if (auto known = layers_.find(node); known != layers_.end())
        return *known->second;
    InContext inside(context());
    bool instance = node->level == core::Level::instance;
    Rows rows = instance ? read_rows(Table::instance_settings) : read_rows(Table::group_settings, text_datum(node->id));
    auto *layers = new (memory_->allocate(sizeof(std::pmr::vector<NamedLayer>))) std::pmr::vector<NamedLayer>(memory_);
    for (const Row &row : rows)
        layers->push_back(layer_from(node->level, row));
    layers_.emplace(node, layers);
    return *layers;
}

const Layer *Inheritance::layer_of(const TreeNode *node, const Integration &type) {
    if (auto known = layers_.find(node); known != layers_.end()) {
        for (const NamedLayer &layer : *known->second)
            if (layer.integration == type.name)
                return layer.layer;
        return nullptr;
    }
    InContext inside(context());
    const Row *row = node->level == core::Level::instance
                         ? read_row(Table::instance_settings, text_datum(type.name))
                         : read_row(Table::group_settings, text_datum(node->id), text_datum(type.name));
    return row == nullptr ? nullptr : layer_from(node->level, *row).layer;
}

// --- folding ---------------------------------------------------------------------------------------------------------

Inheritance::Inheritance(MemoryContext context)
    : memory_(ContextResource::in(context)), tree_(memory_), layers_(memory_), types_(memory_), folded_(memory_) {}

const Integration *Inheritance::find_type(std::string_view name) {
    if (auto known = types_.find(name); known != types_.end())
        return known->second;
    InContext inside(context());
    Datum key = text_datum(name);
    const Integration *found = find_integration(key);
    types_.emplace(view(key), found);
    return found;
}

const Integration &Inheritance::type(std::string_view name) {
    const Integration *found = find_type(name);
    return found != nullptr ? *found : get_integration(name);
}

const Folded &Inheritance::with(const Folded &base, const Layer *layer) {
    if (layer == nullptr)
        return base;
    ContextResource *memory = ContextResource::in(CurrentMemoryContext);
    auto *fold = new (memory->allocate(sizeof(core::Fold))) core::Fold(*base.fold, memory);
    fold->apply(layer->row());
    return *new (memory->allocate(sizeof(Folded))) Folded{base.integration, fold, nullptr};
}

const Folded &Inheritance::above(const TreeNode *node, const Integration &type) {
    if (node->parent != nullptr)
        return down_to(node->parent, type);
    if (auto known = folded_.find({nullptr, &type}); known != folded_.end())
        return *known->second;
    auto *fold = new (memory_->allocate(sizeof(core::Fold))) core::Fold(type.schema->shape, memory_);
    auto *nothing = new (memory_->allocate(sizeof(Folded))) Folded{&type, fold, nullptr};
    folded_.emplace(Key{nullptr, &type}, nothing);
    return *nothing;
}

const Folded &Inheritance::down_to(const TreeNode *node, const Integration &type) {
    // up to what is folded already, then down
    std::pmr::vector<const TreeNode *> way(memory_);
    const Folded *folded = nullptr;
    for (; node != nullptr; node = node->parent) {
        if (auto known = folded_.find({node, &type}); known != folded_.end()) {
            folded = known->second;
            break;
        }
        way.push_back(node);
    }
    if (folded == nullptr)
        folded = &above(tree_.instance(), type);
    InContext inside(context());
    for (auto next = way.rbegin(); next != way.rend(); ++next) {
        folded = &with(*folded, layer_of(*next, type));
        folded_.emplace(Key{*next, &type}, folded);
    }
    return *folded;
}

const Jsonb *Folded::settings() const {
    if (settings_ != nullptr)
        return settings_;
    if (const auto *sole = static_cast<const Layer *>(fold->sole_source()); sole != nullptr)
        return settings_ = sole->settings;
    InContext inside(GetMemoryChunkContext(const_cast<Folded *>(this)));
    ObjectBuilder object;
    for (const core::Resolved &field : fold->fields())
        if (field.value != nullptr)
            object.add(field.name, *static_cast<const JsonbValue *>(field.value));
    return settings_ = object.finish();
}

} // namespace intd
