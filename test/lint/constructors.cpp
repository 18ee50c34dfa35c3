// What lint_constructors() finds: each of the three ways in which a static object runs code of its own. Never linked.
struct Built {
    Built();
};
struct TornDown {
    ~TornDown();
};

Built at_load;        // _GLOBAL__sub_I_
TornDown at_exit;     // __cxa_atexit
Built &when_met() {   // __cxa_guard_acquire
    static Built built;
    return built;
}
