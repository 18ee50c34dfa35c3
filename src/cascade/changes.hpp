// What this transaction has changed that effective_settings does not yet show.
//
// Triggers note changes, and settle_noted() lets effective_settings follow all of them at once. It does so at the end
// of a statement that the client runs on our own tables, calls of functions included. All else is followed before the
// commit: what comes from tracked tables, from other triggers and by replication, and a statement that leaves the tree
// broken.
#pragma once

#include "core/fold.hpp"
#include "postgres/memory.hpp"

namespace intd {

/// What can happen to rows of effective_settings: bits.
enum Pass : uint8_t { pass_remove = 1, pass_update = 2, pass_insert = 4, pass_all = 7 };

/// Something that may have changed what projects end up with.
struct Change {
    core::Level reach;            // instance, group: all that is below; project: just that one
    std::string_view id;          // of the group or project
    std::string_view integration; // empty: every materialized type
    uint8_t passes;               // what may have to be done
};

/// The change that reaches everything, in every way.
constexpr Change any_change = {core::Level::instance, {}, {}, pass_all};

/// So many bytes of changes are remembered one by one at the most. If there are more, any_change stands for all.
constexpr Size remember_at_most = 64 * 1024 * 1024;

/// The same, with texts of its own in the current memory context.
Change copied(const Change &change);

/// Whether anybody wants to know of changes: a type is materialized, a Listening lives, or there is a limit.
bool is_noting();
/// The same question for new projects, which no limit counts.
bool is_noting_new_projects();

/// Remembers a change, if its type is materialized. A Listening that lives and the limit get every change.
void note(const Change &change);

/// While it lives, it collects all changes that are noted, of whatever types. Changes of groups are among them, though
/// effective_settings has no rows of groups. If there is no room for all, one change that reaches everything stands for
/// them.
class Listening {
  public:
    explicit Listening(ContextResource *memory);
    ~Listening();
    Listening(const Listening &) = delete;
    Listening &operator=(const Listening &) = delete;

    const std::pmr::vector<Change> &changes() const { return changes_; }
    /// Whether groups or projects may have gone that are in none of the changes: there were too many changes, or a
    /// TRUNCATE, which does not say which rows go.
    bool some_went_unheard() const { return some_went_unheard_; }

    void hear(const Change &change);
    static bool now() { return innermost_ != nullptr; }
    static void hear_truncated() {
        if (innermost_ != nullptr)
            innermost_->some_went_unheard_ = true;
    }

  private:
    ContextResource *memory_;
    std::pmr::vector<Change> changes_;
    friend void note(const Change &change);
    bool everything_ = false, some_went_unheard_ = false;
    Listening *outer_;
    static Listening *innermost_;
};

/// Checks the limit, and lets effective_settings follow what has been noted and not followed yet. `at_commit`: nothing
/// is left for later.
void settle_noted(bool at_commit);

/// While it lives, the statements of one function of ours are followed together, by finish(), and not each at its end.
class SettleOnce {
  public:
    SettleOnce();
    ~SettleOnce();
    SettleOnce(const SettleOnce &) = delete;
    SettleOnce &operator=(const SettleOnce &) = delete;

    void finish();
    /// Whether the end of the statement that has fired a trigger is to be passed over.
    static bool now();

  private:
    int depth_;
    SettleOnce *outer_;
};

/// Called once, when the module is loaded.
void watch_changes();

} // namespace intd
