# Fails, and removes the object, when an object that fovea_dispatch() isolated could do harm on a lesser processor:
# global symbols beside the functions of FOVEA_DISPATCH, which the linker may take for the whole program, and constructors
# of static objects, which run before anything is chosen.
#   cmake -DNM=nm -DOBJECT=kernels_avx512.o -DARCH=avx512 -P fovea_dispatch_check.cmake

function(refuse reason)
  file(REMOVE ${OBJECT})
  message(FATAL_ERROR "fovea_dispatch: ${OBJECT}: ${reason}")
endfunction()

execute_process(COMMAND ${NM} --defined-only ${OBJECT} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed)
  refuse("nm cannot read it")
endif()
string(REGEX MATCHALL "[^\n]+" symbols "${symbols}")

set(entries 0)
set(leaks "")
foreach(symbol ${symbols})
  string(REGEX REPLACE "^.* " "" name "${symbol}")
  if(name MATCHES "^_GLOBAL__(sub_)?I_|^__cxx_global_var_init" AND NOT name MATCHES "^_GLOBAL__sub_I_00(0|100)")
    refuse("static objects are constructed before an instruction set is chosen (does a source include <iostream>?); make them constexpr or static variables of functions")
  elseif(symbol MATCHES " [A-Zuvw] " AND name MATCHES "_fovea_${ARCH}")
    math(EXPR entries "${entries} + 1")
  elseif(symbol MATCHES " [A-Zuvw] ")
    string(APPEND leaks " ${name}")
  endif()
endforeach()
if(leaks)
  refuse("global symbols remain:${leaks}")
elseif(entries EQUAL 0)
  refuse("no FOVEA_DISPATCH in its sources")
endif()
