#include "store/tables.hpp"

namespace intd {

const char *from_clause(Table table, int keys) {
    const DeclaredTable &own = declared_as(table);
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, " FROM integration_defaults.%s", own.name);
    for (int i = 0; i < keys; i++)
        appendStringInfo(&text, " %s %s OPERATOR(pg_catalog.=) $%d", i == 0 ? "WHERE" : "AND", own.columns[i].name,
                         i + 1);
    return text.data;
}

} // namespace intd
