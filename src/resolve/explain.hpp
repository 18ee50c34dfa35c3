// Why a scope has the settings that it has.
#pragma once

#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "resolve/locate.hpp"

namespace intd {

/// What explain_at() tells beside what explain() does.
class Past {
  public:
    /// The number of the change that gave a field, or `active`, of the scope the value that it has; none if that was
    /// not noted.
    virtual Value change(const core::Scope &scope, std::string_view field) const = 0;

  protected:
    ~Past() = default;
};

/// Adds the rows of explain(), or with `past` those of explain_at().
void explain(ResultSet &result, const Question &asked, const Past *past);

} // namespace intd
