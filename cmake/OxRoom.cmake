# One library a room. `ox_room(provider/local DEPENDS provider LIBRARIES SQLite::SQLite3 TEST_DEPENDS
# fs/memory)` makes the library ox_provider_local from src/provider/local/*.cpp and the test program
# provider_local_test from its *_test.cpp files, which alone sees the TEST_DEPENDS. All rooms are listed
# in the global property OX_ROOMS.

find_package(Threads REQUIRED)

add_library(ox_flags INTERFACE)
target_compile_options(ox_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wthread-safety
  -Wno-missing-designated-field-initializers -Werror)
target_include_directories(ox_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(ox_flags INTERFACE Threads::Threads)

function(ox_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LIBRARIES;TEST_DEPENDS" ${ARGN})
  string(REPLACE "/" "_" id ${name})
  set(library ox_${id})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  foreach(depends ROOM_DEPENDS ROOM_TEST_DEPENDS)
    list(TRANSFORM ${depends} REPLACE "/" "_")
    list(TRANSFORM ${depends} PREPEND ox_)
  endforeach()
  if(sources)
    add_library(${library} STATIC ${sources})
    target_link_libraries(${library} PUBLIC ox_flags ${ROOM_DEPENDS} ${ROOM_LIBRARIES})
  else()
    add_library(${library} INTERFACE)
    target_link_libraries(${library} INTERFACE ox_flags ${ROOM_DEPENDS} ${ROOM_LIBRARIES})
  endif()
  set_property(GLOBAL APPEND PROPERTY OX_ROOMS ${library})

  if(OX_TESTS AND tests)
    ox_test(${id}_test SOURCES ${tests} DEPENDS ${library} ${ROOM_TEST_DEPENDS})
  endif()
endfunction()

# A GoogleTest program whose cases CTest lists one by one.
function(ox_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ox_flags ${TEST_DEPENDS} GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 900)
endfunction()
