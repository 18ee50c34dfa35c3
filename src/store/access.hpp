// Who may do what: the table `access` (tables.sql), and what follows from it for a role.
//
// A role has what it was given, and what a role was given whose rights it inherits. Our owner, who has its rights, and
// superusers have everything. What is asked is always what the *current* user has: so a SECURITY DEFINER function, or
// the owner of a view, passes on what its own owner has. Each kind of access brings others along:
//
//     read     every answer
//     use      read, and what is set as secret (active_settings)
//     write    read, and setting; on a group: there and below it
//     admin    write, and types, the tree, tracking, …; on a group: moves and changes of the tree inside it
//
// On a group or not, it brings `read` everywhere: an answer never depends on who asks.
//
// What is in the table is remembered until the server tells that the table, or roles, have changed: the table's trigger
// sends the message that a change of the table itself would send, which reaches every session, a standby's too, and our
// own at the end of the command. A session hears of others' changes at the latest when its next statement begins. The
// rows are read as they have been committed by now, whatever the transaction's snapshot is, as the rights on a table
// are. A session in parallel mode, which can't take such a snapshot, or one whose trigger is off, remembers nothing
// beyond the statement.
#pragma once

#include "postgres/memory.hpp"

namespace intd {

enum class Access : uint8_t { read, use, write, admin };
constexpr int access_count = 4;

/// As in the table.
const char *name_of(Access access);

/// What a role has. Good until rights_of() is called again.
struct Rights {
    explicit Rights(std::pmr::memory_resource *memory) : in_groups(memory) {}

    /// Everywhere.
    bool has(Access access) const { return (everywhere & bit(access)) != 0; }
    /// On some group.
    bool has_somewhere(Access access) const { return (somewhere & bit(access)) != 0; }
    /// What was given on this very group, not above it.
    bool has_in(Access access, std::string_view group) const {
        auto found = in_groups.find(group);
        return found != in_groups.end() && (found->second & bit(access)) != 0;
    }

    static uint8_t bit(Access access) { return static_cast<uint8_t>(1 << static_cast<int>(access)); }

    uint8_t everywhere = 0, somewhere = 0; // bits of Access
    std::pmr::unordered_map<std::string_view, uint8_t> in_groups;
};

const Rights &rights_of(Oid role);

// Server code: raises reports.

/// The table `access`, or InvalidOid while the extension is not there.
Oid access_table();
/// Raises 55000 unless the table has the columns role (a RoleName), access and group_id.
void require_access_columns(Relation relation);

/// In server code: whether the role has this everywhere.
bool has_access(Oid role, Access access);

/// Throws 42501. `where` is what a message calls the scope, null for everywhere; `group`, if not empty, is one that the
/// access could be given on.
[[noreturn]] void refuse_access(Oid role, Access access, const char *where = nullptr, std::string_view group = {},
                                const char *detail = nullptr);

/// Whom this statement has found to have each kind of access everywhere.
struct Allowed {
    Oid users[access_count];
    TimestampTz statement;
};
extern Allowed allowed;

/// Not inline, for who was not asked about yet.
void look_up_access(Access access);

/// Whether this statement has found the current user to have this access everywhere.
inline bool is_allowed(Access access) {
    return allowed.users[static_cast<int>(access)] == GetUserId() &&
           allowed.statement == GetCurrentStatementStartTimestamp();
}

/// Throws 42501 unless the current user has this access everywhere. Of all calls in a statement only the first one
/// costs something.
inline void require_access(Access access) {
    if (!is_allowed(access))
        look_up_access(access);
}

/// Called once, when the module is loaded.
void watch_access();

} // namespace intd
