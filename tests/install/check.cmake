# Installs BUILD into a prefix, moves the prefix, and builds five projects against it: an
# application, a backend in plain C, the starter for new backends, the samples, and a backend that is
# held to the conformance suite.
#   cmake -DBUILD=… -DSOURCE=… -DSCRATCH=… -DC_COMPILER=… -DCXX_COMPILER=… -DRONDO_CUDA=… -DNVCC=…
#         -P check.cmake
cmake_minimum_required(VERSION 3.25)

set(prefix ${SCRATCH}/moved)
set(ENV{CC} ${C_COMPILER})
set(ENV{CXX} ${CXX_COMPILER})

function(step)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "the step above ended with ${result}")
  endif()
endfunction()

function(build_against_prefix name source)
  step(${CMAKE_COMMAND} -S ${source} -B ${SCRATCH}/${name} -G Ninja -DCMAKE_BUILD_TYPE=Release
       -DCMAKE_PREFIX_PATH=${prefix} -DRONDO_CUDA=${RONDO_CUDA} -DRONDO_NVCC=${NVCC}
       -DRONDO_CUDA_ARCHITECTURES=90-real)
  step(${CMAKE_COMMAND} --build ${SCRATCH}/${name})
  step(${CMAKE_CTEST_COMMAND} --test-dir ${SCRATCH}/${name} --output-on-failure
       --no-tests=error --timeout 120)
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/installed)
file(RENAME ${SCRATCH}/installed ${prefix})

file(GLOB_RECURSE package_files ${prefix}/lib/cmake/*)
foreach(file IN LISTS package_files)
  file(READ ${file} text)
  foreach(path IN ITEMS ${BUILD} ${SOURCE} ${SCRATCH})
    string(FIND "${text}" "${path}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${file} names ${path}, so the package cannot be moved")
    endif()
  endforeach()
endforeach()

build_against_prefix(application ${CMAKE_CURRENT_LIST_DIR}/application)
build_against_prefix(backend ${CMAKE_CURRENT_LIST_DIR}/backend)
build_against_prefix(starter ${prefix}/share/rondo/template)
build_against_prefix(samples ${SOURCE}/samples)
build_against_prefix(conformance ${CMAKE_CURRENT_LIST_DIR}/conformance)

# What is advertised is judged there too, over the whole list of capabilities.
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${SCRATCH}/conformance -N -V
                OUTPUT_VARIABLE registered COMMAND_ERROR_IS_FATAL ANY)
foreach(mode IN ITEMS direct bridge)
  if(NOT registered MATCHES "\"--mode\" \"${mode}\" \"--filter\" \"capability[.][*]\"")
    message(FATAL_ERROR "no test judges in mode ${mode} whether what is advertised is offered")
  endif()
endforeach()
if(NOT EXISTS ${prefix}/share/rondo/certificate.schema.json)
  message(FATAL_ERROR "the form of certificates is not installed")
endif()

# Where there is a CUDA compiler the package makes device images too: a fatbin begins with this.
if(NVCC)
  file(READ ${SCRATCH}/samples/lib/rondo/kernels/vector_add.so bytes HEX)
  string(FIND "${bytes}" "50ed55ba01001000" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "the sample's module has no device image")
  endif()
endif()
