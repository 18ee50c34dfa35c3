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
    change_notifications = 1u << (table_count + 3),
    views = 1u << (table_count + 4), // the three that are written to: a view's triggers always fire
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
    {"seal_settings", integrations, origin},
    {"remove_settings", scopes, origin},
    {"check_truncate", integrations | scopes, origin},
    {"settle_insert", all_six, origin},
    {"settle_update", all_six, origin},
    {"settle_delete", all_six, origin},
    {"settle_truncate", all_six, always},
    {"note_change", all_six, replica},
    {"limit_truncation", all_six, origin},
    {"note_history_insert", integrations | settings | access, origin},
    {"note_history_update", all_six | access, origin},
    {"note_history_delete", all_six | access, origin},
    {"note_history_truncate", all_six | access, origin},
    {"count_change", small, always},
    {"count_truncation", small, always},
    {"keep_generations", generations, always},
    {"keep_generations_truncated", generations, always},
    {"materialized", effective_settings, origin},
    {"skip_replicated", effective_settings, replica},
    {"note_access", access, always},
    {"note_access_truncated", access, always},
    {"note_notifications", change_notifications, always},
    {"note_notifications_truncated", change_notifications, always},
    {"write_integrations", views, origin},
};

struct DeclaredRelation {
    const char *name;
    unsigned bit;
};

constexpr DeclaredRelation with_triggers[] = {
    {"integrations", integrations},
    {"groups", groups},
    {"projects", projects},
    {"instance_settings", instance_settings},
    {"group_settings", group_settings},
    {"project_settings", project_settings},
    {"generations", generations},
    {"access", access},
    {"change_notifications", change_notifications},
    {"effective_settings", effective_settings},
    {"instance_integrations", views},
    {"group_integrations", views},
    {"project_integrations", views},
};

Oid relation_of(const DeclaredRelation &declared_relation) {
    return get_relname_relid(declared_relation.name, get_namespace_oid("integration_defaults", false));
}

/// As ALTER TABLE … ENABLE TRIGGER is told of it.
const char *mode_name(char fires) {
    return fires == always ? "ALWAYS " : fires == replica ? "REPLICA " : "";
}

const char *enabling(const char *table, const DeclaredTrigger &trigger) {
    return psprintf("ALTER TABLE integration_defaults.%s ENABLE %sTRIGGER %s", table, mode_name(trigger.fires),
                    trigger.name);
}

/// The commands that one table needs, as a list of strings. Server code.
List *commands(const DeclaredRelation &of) {
    List *list = NIL;
    Oid oid = relation_of(of);
    if (!OidIsValid(oid) || of.bit == views)
        return list;
    Relation relation = relation_open(oid, ShareRowExclusiveLock); // as ALTER TABLE … ENABLE TRIGGER will
    const TriggerDesc *triggers = relation->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        for (const DeclaredTrigger &trigger : declared)
            if ((trigger.on & of.bit) != 0 && strcmp(trigger.name, triggers->triggers[i].tgname) == 0 &&
                trigger.fires != triggers->triggers[i].tgenabled)
                list = lappend(list, const_cast<char *>(enabling(of.name, trigger)));
    relation_close(relation, NoLock);
    return list;
}

/// Adds what is wrong with the triggers of one relation. Server code.
void add_faults(const DeclaredRelation &of, Growing<TriggerFault> *faults) {
    Oid oid = relation_of(of);
    Relation relation = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
    if (relation == nullptr)
        return;
    const TriggerDesc *triggers = relation->trigdesc;
    for (const DeclaredTrigger &trigger : declared) {
        if ((trigger.on & of.bit) == 0)
            continue;
        char fires = '\0';
        for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
            if (strcmp(trigger.name, triggers->triggers[i].tgname) == 0)
                fires = triggers->triggers[i].tgenabled;
        if (fires == '\0')
            faults->add({of.name, trigger.name,
                         trigger.on == effective_settings
                             ? "it is not there: nothing is materialized; materialize() creates it"
                             : "it is not there: what it holds is not held; create it as the extension's script does"});
        else if (fires != trigger.fires)
            faults->add({of.name, trigger.name,
                         psprintf("it %s\n%s mends that, and so does materialize().",
                                  fires == TRIGGER_DISABLED ? "is disabled"
                                  : fires == replica        ? "fires only in sessions that replicate"
                                  : fires == always         ? "fires also in sessions that replicate"
                                                            : "does not fire in sessions that replicate",
                                  enabling(of.name, trigger))});
    }
    relation_close(relation, AccessShareLock);
}

} // namespace

void mend_triggers() {
    guard([] {
        for (const DeclaredRelation &relation : with_triggers) {
            List *list = commands(relation);
            for (int n = 0; n < list_length(list); n++)
                run_command(static_cast<const char *>(list_nth(list, n)));
        }
    });
}

Growing<TriggerFault> trigger_faults() {
    Growing<TriggerFault> faults;
    for (const DeclaredRelation &relation : with_triggers)
        add_faults(relation, &faults);
    return faults;
}

} // namespace intd
