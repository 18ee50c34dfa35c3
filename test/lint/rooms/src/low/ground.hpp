// What rooms.py finds. Never compiled.
#include "low/other.hpp"
#include "middle/floor.hpp" // finds: includes middle/floor.hpp
namespace intd {
namespace inner {
struct Ahead;
struct Base : Other {
    void method();
};
} // namespace inner
using Text = const char *;
enum class Level : uint8_t { one, two };
/// A hook, which is defined; and one that is not.
extern void (*hook)(int x);
extern void (*lost_hook)(int x); // finds: lost_hook is not defined in low/ground.cpp
extern Text lost;                // finds: lost is not defined in low/ground.cpp
extern Text kept[];
inline int inside(int x) {
    return elsewhere(x);
}
constexpr int constant = size_of(3);
template <class T>
T of_any_type(T x);
[[noreturn]] void defined_here(int x, Text (*y)(int));
void defined_elsewhere( // finds: defined_elsewhere() is not defined in low/ground.cpp
    int x);
[[noreturn]] void thrown_elsewhere(); // finds: thrown_elsewhere() is not defined in low/ground.cpp
const char *pointer(int x = 1);
} // namespace intd
