// Views that are made for a caller over a table that is tracked, keyed by the app's own key: create_view(),
// create_general_view(). They belong to the caller.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

const char *identifier(std::string_view name);
const char *literal(std::string_view text);
/// The same where it is a value: with its type, so that no function or operator that somebody has made fits it better.
const char *text_literal(std::string_view text);

/// The app's key of a tracked table: its name, and how it is written as our id, of a row `t`.
struct ViewKey {
    const char *table, *column, *as_id;
};

/// Throws 55000 unless a table is tracked for the kind. `what` is keyed by it.
ViewKey tracked_key(Kind kind, const char *what);

/// The name of a view: the one that a caller gives, else `otherwise`. Throws 22023 unless it can be one.
const char *view_name(std::optional<std::string_view> given, const char *otherwise);

/// Where a view of that name stands or would stand.
struct ViewPlace {
    const char *schema, *name, *qualified;
    Oid existing;

    Oid made() const;
};

/// The place of a view_name(). With a dot one that is given is that of a schema and of the view, each quoted where it
/// needs to be. Throws 22023.
ViewPlace view_place(const char *name, bool is_given);

/// The arguments of the trigger that calls this function of ours on the relation that a view is to replace; count is -1
/// if there is none. Throws 42501 if the relation is somebody else's.
struct TriggerArguments {
    char **values;
    int count;
};
TriggerArguments replaced_trigger(Oid existing, const char *function);

/// The refusal 42P07 of another relation of that name, which is `not_what` is wanted.
Refusal name_is_taken(Oid existing, const char *not_what);

/// Runs a command as the caller.
void run(const char *command);

/// Gives a view a comment, unless it has one that somebody has written: one that does not begin and end so. A view
/// whose subject had another name has one that does.
void comment_view(const ViewPlace &view, std::string_view begin, std::string_view subject, std::string_view end);

} // namespace intd
