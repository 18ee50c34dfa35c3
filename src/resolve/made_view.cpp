#include "resolve/made_view.hpp"

#include "postgres/query.hpp"
#include "postgres/trigger.hpp"

extern "C" {
#include "access/relation.h"
#include "commands/comment.h"
#include "nodes/makefuncs.h"
#include "utils/varlena.h"
}

namespace intd {

const char *identifier(std::string_view name) {
    return guard([&] { return quote_identifier(pnstrdup(name.data(), name.size())); });
}

const char *literal(std::string_view text) {
    return guard([&]() -> const char * { return quote_literal_cstr(pnstrdup(text.data(), text.size())); });
}

const char *text_literal(std::string_view text) {
    return cat(literal(text), "::pg_catalog.text");
}

ViewKey tracked_key(Kind kind, const char *what) {
    const char *none = cat("no table of ", name_of(kind), " is tracked");
    Oid relation = tracked_relation(kind);
    if (!OidIsValid(relation))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, none)
            .hint(cat(what, " is keyed by the table that track_", name_of(kind), "() follows."));
    struct IdColumn {
        const char *name;
        Oid type;
        bool found;
    };
    const IdColumn column = guard([&] {
        Relation table = relation_open(relation, AccessShareLock);
        Source source;
        IdColumn read = {nullptr, InvalidOid, read_source(table, kind, &source)};
        if (read.found) {
            Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), source.id - 1);
            read.name = pstrdup(NameStr(attribute->attname));
            read.type = getBaseType(attribute->atttypid);
        }
        relation_close(table, NoLock);
        return read;
    });
    if (!column.found)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, none);
    const char *value = cat("t.", identifier(column.name));
    return {relation_name(relation), column.name,
            column.type == NUMERICOID ? cat("pg_catalog.trim_scale(", value, ")::pg_catalog.text")
                                      : cat(value, "::pg_catalog.text")};
}

const char *view_name(std::optional<std::string_view> given, const char *otherwise) {
    const char *name = given ? cat(*given) : otherwise;
    const size_t longest = given && strchr(name, '.') != nullptr ? 4 * NAMEDATALEN : NAMEDATALEN;
    if (*name == '\0' || strlen(name) >= longest)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("\"", name, "\" can't be the name of a view"))
            .hint("Give a name of 1 to 63 bytes.");
    return name;
}

namespace {

/// Server code: raises reports.
RangeVar *split_name(const char *name) {
    List *parts = NIL;
    if (!SplitIdentifierString(pstrdup(name), '.', &parts) || list_length(parts) > 2)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" can't be the name of a view", name),
                 errhint("Give a name, or a schema and a name: my_schema.my_view; in double quotes what is not in "
                         "lower case.")));
    return makeRangeVar(list_length(parts) == 1 ? nullptr : static_cast<char *>(linitial(parts)),
                        static_cast<char *>(llast(parts)), -1);
}

} // namespace

ViewPlace view_place(const char *name, bool is_given) {
    ViewPlace view = guard([&] {
        RangeVar *wanted =
            is_given && strchr(name, '.') != nullptr ? split_name(name) : makeRangeVar(nullptr, pstrdup(name), -1);
        Oid schema = RangeVarGetCreationNamespace(wanted);
        return ViewPlace{get_namespace_name(schema), wanted->relname, nullptr,
                         get_relname_relid(wanted->relname, schema)};
    });
    view.qualified = cat(identifier(view.schema), ".", identifier(view.name));
    return view;
}

Oid ViewPlace::made() const {
    return guard([&] { return get_relname_relid(name, get_namespace_oid(schema, false)); });
}

TriggerArguments replaced_trigger(Oid existing, const char *function) {
    bool trusted = false;
    TriggerArguments arguments = guard([&] {
        TriggerArguments found = {nullptr, -1};
        Relation relation = relation_open(existing, AccessShareLock);
        if (const Trigger *trigger = find_trigger(relation, function); trigger != nullptr) {
            found.count = trigger->tgnargs;
            found.values = static_cast<char **>(palloc(sizeof(char *) * (trigger->tgnargs + 1)));
            for (int n = 0; n < trigger->tgnargs; n++)
                found.values[n] = pstrdup(trigger->tgargs[n]);
        }
        // The server lets a superuser replace anybody's view; its owner's triggers stay on it.
        trusted = relation->rd_rel->relowner == GetUserId() || !superuser();
        relation_close(relation, NoLock);
        return found;
    });
    if (!trusted)
        throw Refusal(ERRCODE_INSUFFICIENT_PRIVILEGE, cat("view ", relation_name(existing), " belongs to another role"))
            .detail("Its owner decides what happens when it is written to.")
            .hint("Give another name, or SET ROLE to its owner.");
    return arguments;
}

Refusal name_is_taken(Oid existing, const char *not_what) {
    return Refusal(ERRCODE_DUPLICATE_TABLE, cat("relation ", relation_name(existing), " already exists"))
        .detail(cat("It is not ", not_what, "."))
        .hint("Give another name.");
}

void run(const char *command) {
    try {
        guard([&] { run_command(command); });
    } catch (const ServerError &error) {
        shorten(error.report, command);
        throw;
    }
}

void comment_view(const ViewPlace &view, std::string_view begin, std::string_view subject, std::string_view end) {
    const Oid made = view.made();
    const char *there = guard([&] { return GetComment(made, RelationRelationId, 0); });
    const std::string_view text = there == nullptr ? std::string_view() : there;
    if (there == nullptr || (text.size() >= begin.size() + end.size() && text.substr(0, begin.size()) == begin &&
                             text.substr(text.size() - end.size()) == end))
        run(cat("COMMENT ON VIEW ", view.qualified, " IS ", literal(cat(begin, subject, end))));
}

} // namespace intd
