#include "cascade/server_locks.hpp"

#include "cascade/materialized.hpp"
#include "postgres/result.hpp"
#include "postgres/transaction.hpp"
#include "store/access.hpp"

extern "C" {
#include "common/hashfn.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
}

namespace intd {
namespace {

/// Locks of single projects that a transaction may have; the server's table of locks is finite.
constexpr int most_projects = 32;

int projects_locked = 0;

enum Subject : uint16 { of_type, of_project };

uint32 key_of(std::string_view name) {
    return hash_bytes(reinterpret_cast<const unsigned char *>(name.data()), static_cast<int>(name.size()));
}

/// Server code. The lock is named after our table and a hash: two that share one wait for each other needlessly.
void lock(Subject subject, uint32 key, LOCKMODE mode) {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, effective_settings(), key, subject);
    LockAcquire(&tag, mode, false, false);
    AcceptInvalidationMessages();
}

} // namespace

void Locks::project(std::string_view id) {
    if (projects_.size() <= most_projects) // else it does not matter any more
        projects_.push_back(key_of(id));
}

void Locks::type(std::string_view integration, bool alone) {
    types_.push_back({key_of(integration), alone});
}

void Locks::take() {
    std::sort(projects_.begin(), projects_.end());
    projects_.erase(std::unique(projects_.begin(), projects_.end()), projects_.end());
    bool few = projects_locked + static_cast<int>(projects_.size()) <= most_projects;
    std::sort(types_.begin(), types_.end(), [](const Type &a, const Type &b) {
        return a.key != b.key ? a.key < b.key : a.alone > b.alone; // of two the stronger is first
    });
    guard([&] {
        for (uint32 project : projects_)
            if (few) {
                lock(of_project, project, ExclusiveLock);
                projects_locked++;
            }
        for (const Type &type : types_)
            lock(of_type, type.key, type.alone || !few ? ExclusiveLock : ShareLock);
    });
}

/// lock_key(name)
INTD_STRICT_FUNCTION(lock_key) {
    return ObjectIdGetDatum(key_of(*text_argument(fcinfo, 0)));
}

/// read_materialized_types() → (integration, lock_key)
INTD_FUNCTION(read_materialized_types) {
    require_access(Access::read);
    ResultSet result(fcinfo);
    ContextResource memory(CurrentMemoryContext);
    for (std::string_view type : materialized_types(&memory))
        result.add({text_datum(type), ObjectIdGetDatum(key_of(type))});
    return null_result(fcinfo);
}

void watch_locks() {
    on_transaction_end([] { projects_locked = 0; });
}

} // namespace intd
