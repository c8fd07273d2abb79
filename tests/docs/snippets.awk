# One translation unit of every cpp block of the pages given, each in a namespace of its own, so that headers are parsed
# once. #line makes the compiler name page and line.
#   `#include <...>`        at the beginning of a line of the page: its blocks need it
#   <!-- prelude: ... -->   right before a block: code that it needs and does not show, an #include or declarations
#   <!-- snippet: skip -->  right before a block: it is no code of ours
# A block of statements is wrapped into a function: one with a line at the left margin that ends with ; and is neither
# constexpr, static_assert, using nor namespace, or with a loop there.

function include(line) {
    if (!(line in included))
        includes = includes line "\n"
    included[line]
}

FNR == 1 { prelude = ""; skip = 0 }

!inside && match($0, /^`#include <[^>]*>`/) { include(substr($0, 2, RLENGTH - 2)) }
!inside && /^<!-- prelude: .* -->$/ {
    sub(/^<!-- prelude: /, "")
    sub(/ -->$/, "")
    if (/^#include/)
        include($0)
    else
        prelude = prelude $0 "\n"
    next
}
!inside && /^<!-- snippet: skip -->$/ { skip = 1; next }
!inside && /^```cpp$/ {
    inside = 1
    first = FNR + 1
    code = ""
    statements = 0
    next
}
inside && /^```$/ {
    if (!skip) {
        if (code ~ /(^|\n)int main\(/) # at the end of its block; in a namespace it has to return
            sub(/}\n$/, "return 0; }\n", code)
        bodies = bodies "namespace snippet_" ++count " {\n" prelude
        if (statements)
            bodies = bodies "void example() {\n"
        bodies = bodies "#line " first " \"" FILENAME "\"\n" code (statements ? "}\n" : "") "}\n"
    }
    inside = skip = 0
    prelude = ""
    next
}
inside {
    if (/^#include/) {
        include($0)
        $0 = ""
    }
    code = code $0 "\n"
    sub(/ *\/\/.*$/, "")
    if (/^(for|if|while) / || (/^[A-Za-z].*;$/ && !/^(constexpr|static_assert|using|namespace)/))
        statements = 1
    next
}
{ prelude = ""; skip = 0 }

END {
    printf "%s%s", includes, bodies
    print "// " count " snippets"
}
