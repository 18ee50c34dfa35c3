#include "postgres/invalidation.hpp"

#include "postgres/listeners.hpp"

namespace intd {
namespace {

Listeners<void (*)(Oid)> of_relations;
Listeners<void (*)()> of_roles, of_functions, of_subscriptions;

void tell_of_relation(Datum, Oid relation) {
    for (auto listener : of_relations)
        listener(relation);
}

void tell_of_entry(Datum, int cache, uint32) {
    for (auto listener : cache == SUBSCRIPTIONRELMAP                 ? of_subscriptions
                         : cache == PROCOID || cache == NAMESPACEOID ? of_functions
                                                                     : of_roles)
        listener();
}

} // namespace

void on_relation_change(void (*listener)(Oid relation)) {
    of_relations.add(listener);
}
void on_role_change(void (*listener)()) {
    of_roles.add(listener);
}
void on_function_change(void (*listener)()) {
    of_functions.add(listener);
}
void on_subscription_change(void (*listener)()) {
    of_subscriptions.add(listener);
}

void watch_invalidations() {
    CacheRegisterRelcacheCallback(tell_of_relation, static_cast<Datum>(0));
    for (int cache : {AUTHMEMROLEMEM, AUTHOID, DATABASEOID, PROCOID, NAMESPACEOID, SUBSCRIPTIONRELMAP})
        CacheRegisterSyscacheCallback(cache, tell_of_entry, static_cast<Datum>(0));
}

} // namespace intd
