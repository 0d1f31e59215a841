# Other people's libraries. On Debian 12 `./dev deps` installs all of them.

set(THREADS_PREFER_PTHREAD_FLAG OFF)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(cereal REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
if(RONDO_TESTS)
  find_package(GTest REQUIRED)
endif()
