// A plugin that uses core, badly formatted.
#include <rondo/runtime.hpp>

int  main( ) { return 0 ; }
