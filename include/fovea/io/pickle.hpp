// The restricted unpickler: turns a Python pickle into inert data and runs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/pickle_literal.hpp"
#include "fovea/io/pickle_stack.hpp"
#include "fovea/io/pickle_value.hpp"

namespace fovea::detail {

// Whether a pickle may contain a call of module.name. The call stays data; a refusal stops the reading.
using pickle_policy = bool (*)(std::string_view module, std::string_view name);

// The stack machine of Python's Lib/pickletools.py, protocols 0 to 5, without the opcodes that reach out of
// the pickle (extension registry, out-of-band buffers). Every opcode makes at most one object of a fixed
// size, so memory is bounded by max_opcodes and by the pickle's length.
class pickle_machine {
public:
    static constexpr std::size_t max_opcodes = std::size_t{1} << 21; // 50,000 tensors take as many

    pickle_machine(byte_cursor& cursor, pickle_policy may_call)
        : cursor_(cursor), may_call_(may_call), stack_(cursor) {}

    // Reads up to and with the STOP opcode; the cursor stands behind it.
    pickle run() {
        for (std::size_t count = 0; count < max_opcodes; ++count) {
            const auto opcode = cursor_.little<unsigned char>();
            if (opcode == '.') {
                result_.top = pop();
                return std::move(result_);
            }
            if (auto literal = read_pickle_literal(opcode, cursor_))
                push(*literal);
            else if (!container(opcode) && !object(opcode) && !memo(opcode))
                cursor_.fail("unknown or refused pickle opcode " + std::to_string(opcode));
        }
        cursor_.fail("a pickle of more than " + std::to_string(max_opcodes) + " opcodes");
    }

private:
    using values = std::vector<pickle_value>;

    void push(pickle_value value) { stack_.push(value); }
    pickle_value pop() { return stack_.pop(); }

    void push_object(pickle_kind kind, values items = {}) { push(result_.add(kind, std::move(items))); }

    std::string_view pop_text() {
        const pickle_value value = pop();
        if (const auto* found = std::get_if<std::string_view>(&value))
            return *found;
        cursor_.fail("expected text on the pickle's stack, found " + result_.describe(value));
    }

    // Items go into a list, a dict, or the result of a call, which is either.
    void extend(const values& items, pickle_kind plain) {
        const pickle_value target = pop();
        const auto* ref = std::get_if<pickle_ref>(&target);
        if (!ref || (result_[*ref].kind != plain && result_[*ref].kind != pickle_kind::call &&
                     result_[*ref].kind != pickle_kind::instance))
            cursor_.fail("the pickle puts items into " + result_.describe(target));
        if (plain == pickle_kind::dict && items.size() % 2 != 0)
            cursor_.fail("the pickle sets a key without a value");
        pickle_object& found = result_[*ref];
        found.items.insert(found.items.end(), items.begin(), items.end());
        push(target);
    }

    bool container(unsigned char opcode) {
        switch (opcode) {
        case '(':
            stack_.mark();
            return true;
        case ')':
            push_object(pickle_kind::tuple);
            return true;
        case ']':
        case 0x8f: // EMPTY_SET
            push_object(pickle_kind::list);
            return true;
        case '}':
            push_object(pickle_kind::dict);
            return true;
        case 't':
            push_object(pickle_kind::tuple, stack_.pop_mark());
            return true;
        case 0x85:
            push_object(pickle_kind::tuple, stack_.pop(1));
            return true;
        case 0x86:
            push_object(pickle_kind::tuple, stack_.pop(2));
            return true;
        case 0x87:
            push_object(pickle_kind::tuple, stack_.pop(3));
            return true;
        case 'l':
        case 0x91: // FROZENSET
            push_object(pickle_kind::list, stack_.pop_mark());
            return true;
        case 'd': {
            const values items = stack_.pop_mark();
            push_object(pickle_kind::dict);
            extend(items, pickle_kind::dict);
            return true;
        }
        case 'a':
            extend(stack_.pop(1), pickle_kind::list);
            return true;
        case 's':
            extend(stack_.pop(2), pickle_kind::dict);
            return true;
        case 'e':
        case 0x90: // ADDITEMS
            extend(stack_.pop_mark(), pickle_kind::list);
            return true;
        case 'u':
            extend(stack_.pop_mark(), pickle_kind::dict);
            return true;
        default:
            return false;
        }
    }

    void push_global(std::string_view module, std::string_view name) {
        const pickle_ref ref = result_.add(pickle_kind::global);
        result_[ref].module = module;
        result_[ref].name = name;
        push(ref);
    }

    void push_call(const pickle_value& callee, const pickle_value& arguments) {
        const pickle_object* function = result_.object(callee, pickle_kind::global);
        if (!function)
            cursor_.fail("the pickle calls " + result_.describe(callee));
        if (!may_call_(function->module, function->name))
            cursor_.fail("the pickle calls " + result_.qualified_name(callee) +
                         ", which no file of weights needs; it is refused");
        push_made(pickle_kind::call, callee, arguments);
    }

    void push_made(pickle_kind kind, const pickle_value& callee, const pickle_value& arguments) {
        const pickle_ref ref = result_.add(kind);
        result_[ref].callee = callee;
        result_[ref].arguments = arguments;
        push(ref);
    }

    bool object(unsigned char opcode) {
        switch (opcode) {
        case 'c': {
            const std::string_view module = cursor_.line();
            push_global(module, cursor_.line());
            return true;
        }
        case 0x93: { // STACK_GLOBAL
            const std::string_view name = pop_text();
            push_global(pop_text(), name);
            return true;
        }
        case 'R': {
            const values operands = stack_.pop(2);
            push_call(operands[0], operands[1]);
            return true;
        }
        case 0x81:   // NEWOBJ
        case 0x92: { // NEWOBJ_EX, with keyword arguments
            const values operands = stack_.pop(opcode == 0x81 ? 2 : 3);
            if (!result_.object(operands[0]))
                cursor_.fail("the pickle makes an object of the class " + result_.describe(operands[0]));
            push_made(pickle_kind::instance, operands[0], operands[1]);
            return true;
        }
        case 'i': { // INST
            const std::string_view module = cursor_.line();
            const std::string_view name = cursor_.line();
            const values arguments = stack_.pop_mark();
            push_global(module, name);
            push_call(pop(), result_.add(pickle_kind::tuple, arguments));
            return true;
        }
        case 'o': { // OBJ: the class comes first
            const values marked = stack_.pop_mark();
            if (marked.empty())
                cursor_.fail("the pickle makes an object of no class");
            push_call(marked[0], result_.add(pickle_kind::tuple, values(marked.begin() + 1, marked.end())));
            return true;
        }
        case 'b':
            build();
            return true;
        case 'P':
            push_made(pickle_kind::persistent, pickle_none{}, cursor_.line());
            return true;
        case 'Q':
            push_made(pickle_kind::persistent, pickle_none{}, pop());
            return true;
        default:
            return false;
        }
    }

    // BUILD sets attributes, such as the _metadata of a state dict: nothing that weights depend on.
    void build() {
        pop();
        const pickle_value target = pop();
        if (!result_.object(target))
            cursor_.fail("the pickle sets attributes of " + result_.describe(target));
        push(target);
    }

    bool memo(unsigned char opcode) {
        switch (opcode) {
        case '0':
            pop();
            return true;
        case '1':
            stack_.pop_mark();
            return true;
        case '2': {
            const pickle_value value = pop();
            push(value);
            push(value);
            return true;
        }
        case 'p':
            stack_.put(parse_number<std::uint64_t>(cursor_.line(), cursor_));
            return true;
        case 'q':
            stack_.put(cursor_.little<std::uint8_t>());
            return true;
        case 'r':
            stack_.put(cursor_.little<std::uint32_t>());
            return true;
        case 0x94:
            stack_.memoize();
            return true;
        case 'g':
            stack_.get(parse_number<std::uint64_t>(cursor_.line(), cursor_));
            return true;
        case 'h':
            stack_.get(cursor_.little<std::uint8_t>());
            return true;
        case 'j':
            stack_.get(cursor_.little<std::uint32_t>());
            return true;
        case 0x95: // FRAME: a length, only a hint
            cursor_.take(8);
            return true;
        case 0x80:
            check_protocol(cursor_.little<std::uint8_t>());
            return true;
        default:
            return false;
        }
    }

    void check_protocol(unsigned protocol) {
        if (protocol > 5)
            cursor_.fail("expected a pickle protocol up to 5, found " + std::to_string(protocol));
    }

    byte_cursor& cursor_;
    pickle_policy may_call_;
    pickle result_;
    pickle_stack stack_;
};

} // namespace fovea::detail
