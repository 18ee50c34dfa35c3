// STAND-IN until the catalogue room lands: then delete stand_in.cpp and take that room's own schema.hpp, integration.hpp, validate.hpp.
#pragma once
#include "core/fold.hpp"
#include "postgres/jsonb.hpp"
#include "postgres/memory.hpp"
namespace intd { struct Schema { core::Shape shape; unsigned levels; }; }
