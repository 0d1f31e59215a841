// The smallest program that links librondo and uses a backend: it prints which plugin the runtime
// of the moved package finds beside itself.
#include <rondo/runtime.hpp>

#include <iostream>

int main() {
  const auto runtime = rondo::runtime::open({.only_backends = {"cpu"}});
  for (const auto& backend : runtime.backends()) std::cout << backend.name << '\n';
}
