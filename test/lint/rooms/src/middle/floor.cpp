#include "middle/floor.hpp"
namespace {
enum Level { three }; // finds: Level is a type of low/ground.hpp too
struct Own {
    struct Text {};
};
} // namespace
