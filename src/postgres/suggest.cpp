#include "postgres/suggest.hpp"

#include "postgres/datum.hpp"

extern "C" {
#include "utils/varlena.h"
}

namespace intd {
namespace {

constexpr size_t longest = 63, most_compared = 1000, most_listed = 30;

/// How many characters have to change, or more than `most`.
int distance(std::string_view from, std::string_view to, int most) {
    return guard([&] {
        return varstr_levenshtein_less_equal(from.data(), static_cast<int>(from.size()), to.data(),
                                             static_cast<int>(to.size()), 1, 1, 1, most, true);
    });
}

/// In lower case, as names are mostly meant.
class Lower {
  public:
    explicit Lower(std::string_view name) : size_(std::min(name.size(), longest)) {
        std::transform(name.begin(), name.begin() + size_, text_, [](char c) { return pg_ascii_tolower(c); });
    }
    operator std::string_view() const { return {text_, size_}; }

  private:
    char text_[longest];
    size_t size_;
};

/// The nearest name, which is not made of other characters altogether; empty if none is near.
std::string_view nearest(std::string_view given, const std::pmr::vector<std::string_view> &names) {
    std::string_view found;
    if (given.empty() || given.size() > longest || names.size() > most_compared)
        return found;
    const Lower meant(given);
    int most = std::clamp(static_cast<int>(given.size()) / 2, 1, 3);
    for (std::string_view name : names) {
        if (name.size() > longest)
            continue;
        const int needed = distance(meant, Lower(name), most);
        if (needed <= most && needed < static_cast<int>(given.size())) {
            found = name;
            most = needed - 1;
        }
        if (most < 0)
            break;
    }
    return found;
}

} // namespace

const char *suggestion(std::string_view given, const std::pmr::vector<std::string_view> &names, const char *opening) {
    const std::string_view meant = nearest(given, names);
    const char *text = meant.empty() ? "" : cat("Did you mean \"", meant, "\"? ");
    text = cat(text, opening);
    for (size_t i = 0; i < names.size() && i < most_listed; i++)
        text = cat(text, i == 0 ? " " : ", ", shown(names[i], longest));
    return names.size() > most_listed ? cat(text, " and ", std::to_string(names.size() - most_listed), " more.")
                                      : cat(text, ".");
}

} // namespace intd
