#include "cascade/declared.hpp"

#include "postgres/query.hpp"
#include "postgres/trigger.hpp"

extern "C" {
#include "access/relation.h"
#include "storage/lmgr.h"
}

namespace intd {
namespace {

constexpr unsigned bit(Table table) {
    return 1u << static_cast<int>(table);
}
enum : unsigned {
    integrations = bit(Table::integrations),
    groups = bit(Table::groups),
    projects = bit(Table::projects),
    instance_settings = bit(Table::instance_settings),
    group_settings = bit(Table::group_settings),
    project_settings = bit(Table::project_settings),
    generations = 1u << table_count,
    effective_settings = 1u << (table_count + 1),
    access = 1u << (table_count + 2),
    settings = instance_settings | group_settings | project_settings,
    scopes = groups | projects,
    small = integrations | groups | instance_settings | group_settings,
    all_six = integrations | scopes | settings
};

struct DeclaredTrigger {
    const char *name;
    unsigned on; // which tables
    char fires;  // as pg_trigger.tgenabled
};

constexpr char origin = TRIGGER_FIRES_ON_ORIGIN, replica = TRIGGER_FIRES_ON_REPLICA, always = TRIGGER_FIRES_ALWAYS;

constexpr DeclaredTrigger declared[] = {
    {"check_integration", integrations, origin},
    {"scope_parent_exists", scopes, origin},
    {"hold_parent", groups, origin},
    {"scope_has_no_cycle", groups, origin},
    {"note_group_changes", groups, origin},
    {"keep_tracked", scopes, origin},
    {"pass_over_restored", scopes, origin},
    {"rename_parent", groups, origin},
    {"id_is_final", scopes, origin},
    {"check_settings", settings, origin},
    {"remove_empty_settings", settings, origin},
    {"hold_references", settings, origin},
    {"rename_settings", integrations | scopes, origin},
    {"remove_settings", scopes, origin},
    {"check_truncate", integrations | scopes, origin},
    {"settle_insert", all_six, origin},
    {"settle_update", all_six, origin},
    {"settle_delete", all_six, origin},
    {"settle_truncate", all_six, always},
    {"note_change", all_six, replica},
    {"note_history_insert", integrations | settings, origin},
    {"note_history_update", all_six, origin},
    {"note_history_delete", all_six, origin},
    {"note_history_truncate", all_six, origin},
    {"count_change", small, always},
    {"count_truncation", small, always},
    {"keep_generations", generations, always},
    {"keep_generations_truncated", generations, always},
    {"materialized", effective_settings, origin},
    {"note_access", access, always},
    {"note_access_truncated", access, always},
};

/// The commands that one table needs, as a list of strings. Server code.
List *commands(const char *table, unsigned bit) {
    List *list = NIL;
    Oid oid = get_relname_relid(table, get_namespace_oid("integration_defaults", false));
    if (!OidIsValid(oid))
        return list;
    Relation relation = relation_open(oid, ShareRowExclusiveLock); // as ALTER TABLE … ENABLE TRIGGER will
    const TriggerDesc *triggers = relation->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        for (const DeclaredTrigger &trigger : declared) {
            if ((trigger.on & bit) == 0 || strcmp(trigger.name, triggers->triggers[i].tgname) != 0 ||
                trigger.fires == triggers->triggers[i].tgenabled)
                continue;
            const char *fires = trigger.fires == always ? "ALWAYS " : trigger.fires == replica ? "REPLICA " : "";
            list = lappend(
                list, psprintf("ALTER TABLE integration_defaults.%s ENABLE %sTRIGGER %s", table, fires, trigger.name));
        }
    relation_close(relation, NoLock);
    return list;
}

} // namespace

void mend_triggers() {
    guard([] {
        const char *const others[] = {"generations", "effective_settings", "access"};
        for (int i = 0; i < table_count + static_cast<int>(lengthof(others)); i++) {
            List *list =
                commands(i < table_count ? declared_as(static_cast<Table>(i)).name : others[i - table_count], 1u << i);
            for (int n = 0; n < list_length(list); n++)
                run_command(static_cast<const char *>(list_nth(list, n)));
        }
    });
}

} // namespace intd
