// tree(): a drawing of the groups from one scope down, for psql.
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "resolve/locate.hpp"
#include "store/owner.hpp"
#include "store/sets_something.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace intd {
namespace {

// $1 the type, $2 the group at the top (null: all). Counts are of the projects straight in each group. Ids that are
// numbers are in the order of numbers.
Statement groups_with_counts = {
    "WITH RECURSIVE subtree AS ("
    "SELECT g.id, g.parent_id FROM integration_defaults.groups g "
    "WHERE CASE WHEN $2 IS NULL THEN g.parent_id IS NULL ELSE g.id OPERATOR(pg_catalog.=) $2 END "
    "UNION SELECT g.id, g.parent_id FROM subtree JOIN integration_defaults.groups g "
    "ON g.parent_id OPERATOR(pg_catalog.=) subtree.id), "
    "counted AS (SELECT p.group_id, pg_catalog.count(*) AS projects, pg_catalog.count(*) FILTER ("
    "WHERE " SETS_SOMETHING ") AS own "
    "FROM integration_defaults.projects p LEFT JOIN integration_defaults.project_settings s "
    "ON s.project_id OPERATOR(pg_catalog.=) p.id AND s.integration OPERATOR(pg_catalog.=) $1 "
    "WHERE $2 IS NULL OR p.group_id OPERATOR(pg_catalog.=) ANY (SELECT id FROM subtree) GROUP BY p.group_id) "
    "SELECT t.id, t.parent_id, COALESCE(c.projects, 0), COALESCE(c.own, 0) "
    "FROM (SELECT id, parent_id FROM subtree UNION ALL SELECT NULL, NULL WHERE $2 IS NULL) t "
    "LEFT JOIN counted c ON (c.group_id OPERATOR(pg_catalog.=) t.id OR c.group_id IS NULL AND t.id IS NULL) "
    "ORDER BY CASE WHEN t.id OPERATOR(pg_catalog.~) '^[0-9]{1,18}$' THEN t.id::pg_catalog.int8 END, t.id",
    2,
    {TEXTOID, TEXTOID},
    nullptr};

struct Drawn {
    const TreeNode *node;
    int64 projects, own;
};

using Children = std::pmr::unordered_map<const TreeNode *, std::pmr::vector<Drawn>>;

const char *number(int64 value) {
    return guard([&]() -> const char * { return psprintf(INT64_FORMAT, value); });
}

const char *listed(const char *verb, const std::pmr::vector<std::string_view> &names) {
    const char *text = cat(verb);
    const char *separator = " ";
    for (std::string_view name : names) {
        text = cat(text, separator, name);
        separator = ", ";
    }
    return text;
}

/// What stands before a group, and before what is below it.
struct Branches {
    const char *middle, *last, *below_middle, *below_last;
};
constexpr Branches lines = {u8"├── ", u8"└── ", u8"│   ", "    "};
constexpr Branches ascii_lines = {"|-- ", "`-- ", "|   ", "    "};

class Drawing {
  public:
    Drawing(Inheritance &inherited, const Integration &type, ResultSet &result, const Children &children)
        : inherited_(inherited), type_(type), result_(result), children_(children),
          branches_(GetDatabaseEncoding() == PG_UTF8 ? lines : ascii_lines) {}

    void draw(const Drawn &drawn, const char *branch, const char *below) {
        guard([] { check_stack_depth(); });
        result_.add({text_datum(cat(branch, described(drawn)))});
        auto found = children_.find(drawn.node);
        if (found == children_.end())
            return;
        for (size_t i = 0; i < found->second.size(); i++) {
            bool last = i + 1 == found->second.size();
            draw(found->second[i], cat(below, last ? branches_.last : branches_.middle),
                 cat(below, last ? branches_.below_last : branches_.below_middle));
        }
    }

  private:
    /// `group 7: overrides channel; locks url; active; 12 projects use the default, 1 has its own`
    const char *described(const Drawn &drawn) {
        const TreeNode *node = drawn.node;
        const Folded &folded = inherited_.down_to(node, type_);
        const Layer *layer = inherited_.layer_of(node, type_);
        const char *text = cat(shown_scope(node->level, node->id), ": ");
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<std::string_view> names(&memory);
        if (layer != nullptr && layer->sets_something()) {
            for (const JsonField &field : layer->fields)
                names.push_back(field.key);
            if (!layer->custom && layer->active)
                names.push_back("active");
            std::sort(names.begin(), names.end());
            text = cat(text, listed(layer->custom ? "sets" : "overrides", names), names.empty() ? " no fields" : "");
        } else if (folded.configured()) {
            const core::Scope *source = folded.fold->nearest();
            text = cat(text, "inherits from ", shown_scope(source->level, source->id));
        } else
            text = cat(text, "not configured");
        if (layer != nullptr && layer->lock_count > 0) {
            names.assign(layer->locks, layer->locks + layer->lock_count);
            text = cat(text, "; ", listed("locks", names));
        }
        if (folded.configured())
            text = cat(text, folded.active() ? "; active" : "; inactive");
        int64 inheriting = drawn.projects - drawn.own;
        if (drawn.projects > 0)
            text = cat(text, "; ", number(inheriting), inheriting == 1 ? " project inherits, " : " projects inherit, ",
                       number(drawn.own), drawn.own == 1 ? " has its own" : " have their own");
        return text;
    }

    Inheritance &inherited_;
    const Integration &type_;
    ResultSet &result_;
    const Children &children_;
    const Branches &branches_;
};

} // namespace

/// tree(integration, group_id)
INTD_FUNCTION(tree) {
    ResultSet result(fcinfo);
    std::optional<Question> asked = question(fcinfo, false);
    if (!asked)
        return null_result(fcinfo);
    auto &[inherited, type, top] = *asked;

    ContextResource memory(CurrentMemoryContext);
    Children children(&memory);
    Drawn first = {top.node, 0, 0};
    AsOwner owner;
    Cursor rows(groups_with_counts, {text_datum(type.name), top.id == 0 ? std::nullopt : Value(top.id)});
    while (rows.next()) {
        Value id = rows.column(0);
        const TreeNode *node = id ? inherited.tree().group(view(*id)) : inherited.tree().instance();
        Drawn drawn = {node, DatumGetInt64(*rows.column(2)), DatumGetInt64(*rows.column(3))};
        if (node == top.node)
            first = drawn;
        else
            children[node->parent].push_back(drawn);
    }
    rows.close();
    Drawing(inherited, type, result, children).draw(first, "", "");
    return null_result(fcinfo);
}

} // namespace intd
