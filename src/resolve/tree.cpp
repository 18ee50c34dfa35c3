// tree(): a drawing of the groups from one scope down, for psql.
#include "hierarchy/parents.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "resolve/locate.hpp"
#include "store/owner.hpp"
#include "store/sets_something.hpp"
#include "tracking/labels.hpp"

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
    "LEFT JOIN counted c ON COALESCE(c.group_id, ''::pg_catalog.text) OPERATOR(pg_catalog.=) "
    "COALESCE(t.id, ''::pg_catalog.text) " // which no id is
    "ORDER BY CASE WHEN t.id OPERATOR(pg_catalog.~) '^[0-9]{1,18}$' THEN t.id::pg_catalog.int8 END, t.id",
    2,
    {TEXTOID, TEXTOID},
    nullptr,
    false,
    true};

/// A group, or the instance, and what hangs on it.
struct Drawn {
    explicit Drawn(std::pmr::memory_resource *memory) : children(memory) {}

    const TreeNode *node = nullptr;
    int64 projects = 0, own = 0; // straight in it; of these, with settings of their own
    std::pmr::vector<Drawn *> children;
    const Layer *layer = nullptr;
    bool shown = false;                          // it sets or locks something, or the way to what does leads over it
    int64 shown_below = 0, same_groups = 0;      // those that end up with the same
    int64 same_projects = 0, other_projects = 0; // those that do, and those with settings of their own instead

    bool sets_something() const { return layer != nullptr && layer->sets_something(); }
    bool says_something() const { return sets_something() || (layer != nullptr && layer->lock_count > 0); }
};

struct Totals {
    int64 groups, saying, projects, own;
};

const char *number(int64 value) {
    return guard([&]() -> const char * { return psprintf(INT64_FORMAT, value); });
}

const char *counted(int64 count, const char *one, const char *many) {
    return cat(number(count), count == 1 ? one : many);
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

/// Whether a character would move the cursor, break the line or turn the direction of what a terminal shows.
bool is_control(pg_wchar c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/// Whether the bytes from 0x80 to 0x9f are control characters, as they are in ISO 8859.
bool has_high_controls(int encoding) {
    switch (encoding) {
    case PG_LATIN1:
    case PG_LATIN2:
    case PG_LATIN3:
    case PG_LATIN4:
    case PG_LATIN5:
    case PG_LATIN6:
    case PG_LATIN7:
    case PG_LATIN8:
    case PG_LATIN9:
    case PG_LATIN10:
    case PG_ISO_8859_5:
    case PG_ISO_8859_6:
    case PG_ISO_8859_7:
    case PG_ISO_8859_8:
        return true;
    default:
        return false;
    }
}

/// The text with a question mark in place of each such character: ids, names and labels are the app's.
const char *harmless(const char *text) {
    return guard([&]() -> const char * {
        const bool unicode = GetDatabaseEncoding() == PG_UTF8, high = has_high_controls(GetDatabaseEncoding());
        char *result = pstrdup(text), *end = result;
        for (const char *at = text; *at != '\0';) {
            const int length = pg_mblen(at);
            const auto *bytes = reinterpret_cast<const unsigned char *>(at);
            const pg_wchar c = length == 1 ? *bytes : unicode ? utf8_to_unicode(bytes) : 'x';
            if (is_control(c) && (c < 0x80 || unicode || high))
                *end++ = '?';
            else {
                memmove(end, at, length);
                end += length;
            }
            at += length;
        }
        *end = '\0';
        return result;
    });
}

/// What stands before a group, and before what is below it.
struct Branches {
    const char *middle, *last, *below_middle, *below_last;
};
constexpr Branches lines = {u8"├── ", u8"└── ", u8"│   ", "    "};
constexpr Branches ascii_lines = {"|-- ", "`-- ", "|   ", "    "};

class Drawing {
  public:
    Drawing(Inheritance &inherited, const Integration &type, ResultSet &result, std::optional<int> depth, bool whole)
        : inherited_(inherited), type_(type), result_(result), depth_(depth), whole_(whole),
          branches_(GetDatabaseEncoding() == PG_UTF8 ? lines : ascii_lines), memory_(CurrentMemoryContext),
          shown_ids_(&memory_), labels_(&memory_) {}

    void draw(Drawn &top) {
        look_at(top, top);
        top.shown = true;
        choose(top, 0);
        labels_ = group_labels(shown_ids_, &memory_);
        draw(top, "", "", 0);
        result_.add(
            {text_datum(cat("in all: ", counted(totals_.groups, " group, ", " groups, "), number(totals_.saying),
                            " with settings or locks; ", counted(totals_.projects, " project, ", " projects, "),
                            number(totals_.own), " with settings of ", totals_.own == 1 ? "its own" : "their own"))});
    }

  private:
    /// What each sets or locks, and who ends up with the same as `setter`.
    void look_at(Drawn &drawn, Drawn &setter) {
        guard([] { check_stack_depth(); });
        check_interrupts();
        drawn.layer = inherited_.layer_of(drawn.node, type_);
        Drawn &nearest = drawn.sets_something() ? drawn : setter;
        if (&nearest != &drawn)
            nearest.same_groups++;
        nearest.same_projects += drawn.projects - drawn.own;
        nearest.other_projects += drawn.own;
        totals_.groups += drawn.node->level == core::Level::group;
        totals_.saying += drawn.node->level == core::Level::group && drawn.says_something();
        totals_.projects += drawn.projects;
        totals_.own += drawn.own;
        drawn.shown = whole_ || drawn.says_something();
        for (Drawn *child : drawn.children) {
            look_at(*child, nearest);
            drawn.shown = drawn.shown || child->shown;
            drawn.shown_below += child->shown_below + child->shown;
        }
    }

    bool ends_at(int depth) const { return depth_ && depth >= *depth_; }

    /// Whose labels are wanted.
    void choose(const Drawn &drawn, int depth) {
        if (drawn.node->level == core::Level::group)
            shown_ids_.push_back(drawn.node->id);
        if (!ends_at(depth))
            for (const Drawn *child : drawn.children)
                if (child->shown)
                    choose(*child, depth + 1);
    }

    void draw(const Drawn &drawn, const char *branch, const char *below, int depth) {
        const bool ends = ends_at(depth);
        const char *text = harmless(described(drawn));
        if (ends && drawn.shown_below > 0)
            text = cat(text, "; ", counted(drawn.shown_below, " more group below", " more groups below"));
        result_.add({text_datum(cat(branch, text))});
        if (ends)
            return;
        const Drawn *last = nullptr;
        for (const Drawn *child : drawn.children)
            if (child->shown)
                last = child;
        for (const Drawn *child : drawn.children)
            if (child->shown)
                draw(*child, cat(below, child == last ? branches_.last : branches_.middle),
                     cat(below, child == last ? branches_.below_last : branches_.below_middle), depth + 1);
    }

    /// `group 7 "Payments": overrides channel; locks url; active; the same for 2 groups and 12 projects; 1 project has
    /// its own`
    const char *described(const Drawn &drawn) {
        const TreeNode *node = drawn.node;
        const Folded &folded = inherited_.down_to(node, type_);
        const Layer *layer = drawn.layer;
        const char *text = shown_scope(node->level, node->id);
        if (auto label = labels_.find(node->id); node->level == core::Level::group && label != labels_.end())
            text = cat(text, " \"", shown(label->second, 100), "\"");
        text = cat(text, ": ");
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<std::string_view> names(&memory);
        if (drawn.sets_something()) {
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
        text = cat(text, covered(drawn, names));
        if (layer != nullptr && layer->lock_count > 0) {
            names.assign(layer->locks, layer->locks + layer->lock_count);
            text = cat(text, "; ", listed("locks", names));
        }
        if (folded.configured())
            text = cat(text, folded.active() ? "; active" : "; inactive");
        return whole_ ? cat(text, projects_in(drawn)) : cat(text, followers(drawn));
    }

    /// What it sets that a lock above covers.
    const char *covered(const Drawn &drawn, std::pmr::vector<std::string_view> &names) {
        if (!drawn.sets_something())
            return "";
        const core::Fold &above = *inherited_.above(drawn.node, type_).fold;
        const core::Scope *holder = nullptr;
        names.clear();
        for (const JsonField &field : drawn.layer->fields)
            if (const core::Scope *lock = above.lock_of(field.key); lock != nullptr) {
                names.push_back(field.key);
                holder = lock;
            }
        if (drawn.layer->active && above.active_lock() != nullptr) {
            names.push_back("active");
            holder = above.active_lock();
        }
        if (holder == nullptr)
            return "";
        std::sort(names.begin(), names.end());
        return cat("; ", listed("covered by a lock above:", names));
    }

    /// Where only some groups are drawn: who ends up with the same.
    static const char *followers(const Drawn &drawn) {
        const char *text = "";
        if (drawn.same_groups + drawn.same_projects > 0)
            text = cat("; the same for ", count_scopes(drawn.same_groups, drawn.same_projects));
        if (drawn.other_projects > 0)
            text = cat(text, "; ", counted(drawn.other_projects, " project has its own", " projects have their own"));
        return text;
    }

    /// Where all are drawn: what is straight in the group.
    static const char *projects_in(const Drawn &drawn) {
        if (drawn.projects == 0)
            return "";
        const int64 inheriting = drawn.projects - drawn.own;
        return cat("; ", number(inheriting), inheriting == 1 ? " project inherits, " : " projects inherit, ",
                   number(drawn.own), drawn.own == 1 ? " has its own" : " have their own");
    }

    Inheritance &inherited_;
    const Integration &type_;
    ResultSet &result_;
    std::optional<int> depth_;
    bool whole_;
    const Branches &branches_;
    ContextResource memory_;
    std::pmr::vector<std::string_view> shown_ids_;
    Labels labels_;
    Totals totals_ = {};
};

} // namespace

/// tree(integration, group_id, depth, whole)
INTD_FUNCTION(tree) {
    ResultSet result(fcinfo);
    std::optional<int> depth;
    if (!PG_ARGISNULL(2))
        depth = PG_GETARG_INT32(2);
    if (depth && *depth < 0)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "depth must not be negative")
            .hint("0 draws the top alone; NULL draws all levels.");
    std::optional<Question> asked = question(fcinfo, false);
    if (!asked)
        return null_result(fcinfo);
    Inheritance &inherited = asked->inherited;
    const Integration &type = asked->type;
    const Located &top = asked->at;

    ContextResource memory(CurrentMemoryContext);
    std::pmr::unordered_map<const TreeNode *, Drawn *> all(&memory);
    auto drawn_of = [&](const TreeNode *node) -> Drawn & {
        Drawn *&known = all[node];
        if (known == nullptr)
            known = new (memory.allocate(sizeof(Drawn))) Drawn(&memory);
        return *known;
    };
    {
        AsOwner owner; // only here: names are read with the rights of who asks
        Cursor rows(groups_with_counts, {text_datum(type.name), top.id == 0 ? std::nullopt : Value(top.id)});
        while (rows.next()) {
            Value id = rows.column(0);
            const TreeNode *node = id ? inherited.tree().group(view(*id)) : inherited.tree().instance();
            if (node == nullptr)
                continue;
            Drawn &drawn = drawn_of(node);
            drawn.node = node;
            drawn.projects = DatumGetInt64(*rows.column(2));
            drawn.own = DatumGetInt64(*rows.column(3));
            if (node != top.node)
                drawn_of(node->parent).children.push_back(&drawn);
        }
        rows.close();
    }
    Drawn &first = drawn_of(top.node);
    first.node = top.node;
    Drawing(inherited, type, result, depth, !PG_ARGISNULL(3) && PG_GETARG_BOOL(3)).draw(first);
    return null_result(fcinfo);
}

} // namespace intd
