/* compare.cpp — runs the list of tests: compare.h. Also main() of every program of op tests. */
#include "compare.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "device_memory.h"
#include "values.h"

extern "C" {
#include "backend/fold.h"
}

namespace compare {

/* ---- the list, and what is counted ---- */

static entry *&first_entry() {
    static entry *first = nullptr;
    return first;
}

entry::entry(dn_op_kind the_kind, const char *the_op, const char *the_title, void (*the_kernel)(const dn_cuda_call *),
             void (*the_description)(test &))
    : kind(the_kind), op(the_op), title(the_title), kernel(the_kernel), describe(the_description), next(nullptr) {
    entry **last = &first_entry();
    while (*last != nullptr) last = &(*last)->next;
    *last = this;
}

static int passed, failed;

bool check(bool good, const char *format, ...) {
    (good ? passed : failed) += 1;
    if (good) return true;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

/* ---- what a test declares ---- */

static void declare(std::vector<tensor> &list, dn_shape shape, dn_role role, holds what, floats values, bool starts) {
    list.push_back({shape, role, what, false, starts, std::move(values)});
}

void test::input(dn_shape shape, float low, float high) {
    declare(inputs, shape, DN_ROLE_ACTIVATION, holds::type, random_values(shape, low, high), true);
}

void test::parameter(dn_shape shape, float low, float high) {
    declare(inputs, shape, DN_ROLE_PARAMETER, holds::float32, random_values(shape, low, high), true);
}

void test::float_input(dn_shape shape, float low, float high) {
    declare(inputs, shape, DN_ROLE_DELTA, holds::float32, random_values(shape, low, high), true);
}

void test::index_input(dn_shape shape, const std::vector<int32_t> &values) {
    declare(inputs, shape, DN_ROLE_ACTIVATION, holds::int32, floats(values.begin(), values.end()), true);
}

void test::no_input() { inputs.push_back({{1, 1, 1, 1}, DN_ROLE_ACTIVATION, holds::float32, true, false, {}}); }

void test::output(dn_shape shape) {
    declare(outputs, shape, DN_ROLE_ACTIVATION, holds::type, random_values(shape, -1.0F, 1.0F), op.accumulate);
}

void test::float_output(dn_shape shape) {
    declare(outputs, shape, DN_ROLE_DELTA, holds::float32, random_values(shape, -1.0F, 1.0F), op.accumulate);
}

void test::sum_output(dn_shape shape) {
    declare(outputs, shape, DN_ROLE_GRADIENT, holds::float32, random_values(shape, -1.0F, 1.0F), true);
}

void test::index_output(dn_shape shape) {
    declare(outputs, shape, DN_ROLE_ACTIVATION, holds::int32, floats((size_t)dn_shape_count(shape)), false);
}

void test::no_output() { outputs.push_back({{1, 1, 1, 1}, DN_ROLE_ACTIVATION, holds::float32, true, false, {}}); }

/* ---- one run of one test ---- */

static const char *type_name(dn_cuda_type type) {
    return type == DN_CUDA_F32 ? "float32" : type == DN_CUDA_F16 ? "half" : "bfloat16";
}

static bool has_weights(dn_op_kind kind) {
    return kind == DN_OP_conv2d || kind == DN_OP_linear || kind == DN_OP_conv2d_data || kind == DN_OP_linear_data;
}

static bool is_convolution(dn_op_kind kind) {
    return kind == DN_OP_conv2d || kind == DN_OP_conv2d_data || kind == DN_OP_conv2d_weights;
}

static bool is_training(const dn_op &op) { return op.kind > DN_OP_host || op.accumulate; }

struct run {
    const entry &e;
    test c;
    std::string name;
    std::vector<dn_tensor_info> infos;
    std::vector<int> in, out;
    dn_graph graph = {};
    dn_ref_state ref = {};
    std::vector<floats> expected;
    std::vector<device_memory> memory; /* inputs, outputs, then what the state names */
    std::vector<dn_cuda_tensor> device_in, device_out;
    dn_cuda_state state = {};

    run(const entry &the_entry, dn_cuda_type type) : e(the_entry) {
        c.type = type;
        c.op.kind = e.kind;
        restart_random();
        e.describe(c);
        name = std::string(e.op) + ", " + e.title + ", " + type_name(type);
    }
    ~run() { dn_ref_state_free(&ref); }

    void make_graph() {
        for (std::vector<tensor> *list : {&c.inputs, &c.outputs}) {
            for (tensor &t : *list) {
                std::vector<int> &indices = list == &c.inputs ? in : out;
                indices.push_back(t.absent ? -1 : (int)infos.size());
                if (t.absent) continue;
                if (t.values.size() != (size_t)dn_shape_count(t.shape)) {
                    fprintf(stderr, "%s: the number of values is not that of the shape\n", name.c_str());
                    exit(EXIT_FAILURE);
                }
                const int slot = t.role == DN_ROLE_PARAMETER ? (int)infos.size() : -1;
                const dn_dtype dtype = t.what == holds::int32 ? DN_I32 : DN_F32;
                infos.push_back({t.shape, dtype, t.role, -1, slot, -1, -1, false});
            }
        }
        c.op.inputs = in.data();
        c.op.outputs = out.data();
        c.op.input_count = (int)in.size();
        c.op.output_count = (int)out.size();
        graph = {infos.data(), (int)infos.size(), &c.op, 1, c.outputs[0].absent ? 1 : c.outputs[0].shape.n};
    }

    bool weights_in_state(size_t k) const {
        return k == 1 && has_weights(e.kind) && c.inputs[1].role == DN_ROLE_PARAMETER;
    }

    void round_inputs() {
        for (size_t k = 0; k < c.inputs.size(); k++) {
            if (c.inputs[k].absent) continue;
            const holds what = weights_in_state(k) ? holds::type : c.inputs[k].what;
            c.inputs[k].values = rounded(c.inputs[k].values, what, c.type);
        }
        for (tensor &t : c.outputs) t.values = rounded(t.values, t.what, c.type);
    }

    /* ---- the reference ---- */

    void prepare_ref() {
        std::vector<const float *> parameters(infos.size());
        std::vector<uint64_t> versions(infos.size(), 1);
        for (size_t k = 0; k < in.size(); k++) {
            if (in[k] >= 0) parameters[(size_t)in[k]] = c.inputs[k].values.data();
        }
        const dn_allocator allocator = dn_allocator_or_default(nullptr);
        dn_error err = {};
        if (dn_ref_prepare(&ref, &graph, &c.op, nullptr, c.prepare, &allocator, &err) != DN_OK) {
            fprintf(stderr, "%s: %s\n", name.c_str(), err.message);
            exit(EXIT_FAILURE);
        }
        dn_ref_refresh(&ref, &graph, parameters.data(), versions.data());
    }

    /* int32 tensors are of the size of float32 ones: in place. */
    static floats as_int32(const floats &values) {
        const std::vector<unsigned char> bytes = encode(values, holds::int32, DN_CUDA_F32);
        floats into(values.size());
        if (!bytes.empty()) memcpy(into.data(), bytes.data(), bytes.size());
        return into;
    }

    static floats from_int32(const floats &raw) {
        std::vector<unsigned char> bytes(raw.size() * 4);
        if (!bytes.empty()) memcpy(bytes.data(), raw.data(), bytes.size());
        return decode(bytes, raw.size(), holds::int32, DN_CUDA_F32);
    }

    void run_ref() {
        std::vector<floats> data;
        std::vector<dn_host_tensor> tensors;
        for (const std::vector<tensor> *list : {&c.inputs, &c.outputs}) {
            for (const tensor &t : *list) data.push_back(t.what == holds::int32 ? as_int32(t.values) : t.values);
        }
        for (size_t k = 0; k < data.size(); k++) {
            const tensor &t = k < in.size() ? c.inputs[k] : c.outputs[k - in.size()];
            tensors.push_back({t.absent ? nullptr : data[k].data(), t.shape});
        }
        dn_ref_state with_biases = ref;
        if (!c.biases.empty()) with_biases.biases = c.biases.data();
        const dn_ref_call call = {&c.op, tensors.data(), tensors.data() + in.size(), &with_biases};
        dn_ref_run_op(&call);
        for (size_t k = 0; k < out.size(); k++) expected.push_back(data[in.size() + k]);
        activate();
        for (size_t k = 0; k < out.size(); k++) {
            if (c.outputs[k].what == holds::int32) expected[k] = from_int32(expected[k]);
        }
    }

    void activate() {
        if (c.activation == DN_LINEAR) return;
        floats x = expected[0];
        const dn_host_tensor from = {x.data(), c.outputs[0].shape}, to = {expected[0].data(), c.outputs[0].shape};
        dn_op op = {};
        op.kind = DN_OP_activation;
        op.as.activation.kind = c.activation;
        const dn_ref_state none = {};
        const dn_ref_call call = {&op, &from, &to, &none};
        dn_ref_run_op(&call);
    }

    /* ---- the device ---- */

    unsigned char *upload(const std::vector<unsigned char> &bytes) {
        memory.emplace_back(bytes);
        return memory.back().data;
    }

    template <typename T> const void *upload_table(const std::vector<T> &table) {
        std::vector<unsigned char> bytes(table.size() * sizeof(T));
        if (!bytes.empty()) memcpy(bytes.data(), table.data(), bytes.size());
        state.table_count = (int)table.size();
        return table.empty() ? nullptr : upload(bytes);
    }

    void upload_tensors() {
        for (size_t k = 0; k < c.inputs.size() + c.outputs.size(); k++) {
            const bool input = k < c.inputs.size();
            const tensor &t = input ? c.inputs[k] : c.outputs[k - c.inputs.size()];
            unsigned char *data = nullptr;
            if (!t.absent && !(input && weights_in_state(k))) {
                memory.emplace_back(t.values.size() * size_of(t.what, c.type));
                if (t.starts) memory.back().write(encode(t.values, t.what, c.type));
                data = memory.back().data;
            }
            (input ? device_in : device_out).push_back({data, t.shape});
        }
    }

    /* As a program does: ref/prepare.c, but with weights in the type of the context. */
    void make_weights() {
        if (!has_weights(e.kind) || c.inputs[1].role != DN_ROLE_PARAMETER) return;
        floats weights = c.inputs[1].values;
        if (e.kind == DN_OP_conv2d && c.op.as.conv2d.binary == DN_BINARY_XNOR) {
            const size_t filters = (size_t)c.outputs[0].shape.c;
            dn_binarize_weights((int)filters, weights.size() / filters, c.inputs[1].values.data(), weights.data());
            state.pad_value = ref.pad_minus_one ? -1.0F : 0.0F;
        }
        state.weights = upload(encode(weights, holds::type, c.type));
    }

    void make_coefficients() {
        if (ref.coefficients == nullptr) return;
        const dn_shape channels = e.kind == DN_OP_add ? c.outputs[0].shape : c.inputs[0].shape;
        const size_t count = (size_t)c.op.as.add.terms * (size_t)channels.c;
        const floats values(ref.coefficients, ref.coefficients + count);
        state.coefficients = (const float *)(const void *)upload(encode(values, holds::float32, c.type));
    }

    /* Of one group: they are the same in all. */
    void make_parts() {
        const dn_op_softmax &p = c.op.as.softmax;
        std::vector<dn_cuda_part> parts;
        for (int k = 0, first = 0; p.sizes != nullptr && k < p.size_count; first += p.sizes[k++]) {
            parts.push_back({first, p.sizes[k]});
        }
        state.table = upload_table(parts);
    }

    void make_state(dn_cuda_context *context) {
        make_weights();
        make_coefficients();
        state.activation = c.activation;
        const floats &biases = e.kind == DN_OP_bias ? c.inputs[1].values : c.biases;
        if (!biases.empty()) {
            state.biases = (const float *)(const void *)upload(encode(biases, holds::float32, c.type));
        }
        if (e.kind == DN_OP_softmax) make_parts();
        if (e.kind == DN_OP_channel_map) {
            const dn_op_channel_map &p = c.op.as.channel_map;
            state.table = upload_table(std::vector<dn_channel_rule>(p.rules, p.rules + p.rule_count));
        }
        size_t bytes = 0;
        if (is_convolution(e.kind)) {
            const bool back = e.kind == DN_OP_conv2d_data;
            const dn_shape x = back ? c.outputs[0].shape : c.inputs[0].shape;
            const dn_shape y = back                             ? c.inputs[0].shape
                               : e.kind == DN_OP_conv2d_weights ? c.inputs[1].shape
                                                                : c.outputs[0].shape;
            bytes = dn_cuda_choose_algorithm(context, &c.op, x, y, &state);
            if (c.own_kernel) state.algorithm = -1;
        }
        context->workspace_bytes = bytes > c.workspace_bytes ? bytes : c.workspace_bytes;
        memory.emplace_back(context->workspace_bytes);
        context->workspace = context->workspace_bytes > 0 ? memory.back().data : nullptr;
    }

    void restart_outputs() {
        for (size_t k = 0; k < out.size(); k++) {
            const tensor &t = c.outputs[k];
            if (t.absent) continue;
            std::vector<unsigned char> bytes(t.values.size() * size_of(t.what, c.type), 0xFF);
            if (t.starts) bytes = encode(t.values, t.what, c.type);
            need(cudaMemcpy(device_out[k].data, bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "cudaMemcpy");
        }
    }

    bool launch(dn_cuda_context *context) {
        restart_outputs();
        need(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); /* the stream does not wait for the copies' */
        const dn_cuda_call call = {&c.op, device_in.data(), device_out.data(), &state, context};
        e.kernel(&call);
        dn_cuda_ok(context, cudaStreamSynchronize(context->stream), "cudaStreamSynchronize");
        return check(context->failure[0] == '\0', "%s: %s", name.c_str(), context->failure);
    }

    /* ---- the comparison ---- */

    std::vector<unsigned char> bytes_at(const dn_cuda_tensor &device, const tensor &t) const {
        std::vector<unsigned char> bytes(t.values.size() * size_of(t.what, c.type));
        need(cudaMemcpy(bytes.data(), device.data, bytes.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
        return bytes;
    }

    double tolerance() const {
        if (c.tolerance > 0.0) return c.tolerance;
        if (c.type == DN_CUDA_F32) return c.tf32 ? 2e-3 : 1e-5;
        return c.type == DN_CUDA_F16 ? 2e-3 : 2e-2;
    }

    static bool same(float a, float b, double margin) {
        if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
        return a == b || std::fabs((double)a - (double)b) <= margin;
    }

    void compare_output(size_t k, const floats &got) {
        const tensor &t = c.outputs[k];
        const floats limit = rounded(expected[k], t.what, c.type); /* half: to infinity where the reference is large */
        double largest = 0.0;
        for (float value : limit)
            largest = std::isfinite(value) ? std::fmax(largest, std::fabs((double)value)) : largest;
        const double margin = t.what == holds::int32 ? 0.0 : tolerance() * largest;
        for (size_t i = 0; i < got.size(); i++) {
            if (same(got[i], limit[i], margin)) continue;
            const size_t w = (size_t)t.shape.w, h = (size_t)t.shape.h, channels = (size_t)t.shape.c;
            check(false, "%s: output %zu at [%zu, %zu, %zu, %zu] is %.9g, the reference says %.9g ± %.3g", name.c_str(),
                  k, i / w / h / channels, i / w / h % channels, i / w % h, i % w, (double)got[i],
                  (double)expected[k][i], margin);
            return;
        }
        check(true, "%s", "");
    }

    void compare_all(dn_cuda_context *context) {
        std::vector<std::vector<unsigned char>> once;
        for (size_t k = 0; k < out.size(); k++) {
            once.emplace_back();
            if (c.outputs[k].absent) continue;
            once[k] = bytes_at(device_out[k], c.outputs[k]);
            compare_output(k, decode(once[k], c.outputs[k].values.size(), c.outputs[k].what, c.type));
        }
        for (size_t k = 0; k < in.size(); k++) {
            if (device_in[k].data == nullptr) continue;
            check(bytes_at(device_in[k], c.inputs[k]) == encode(c.inputs[k].values, c.inputs[k].what, c.type),
                  "%s: input %zu was written to", name.c_str(), k);
        }
        if (!launch(context)) return;
        for (size_t k = 0; k < out.size(); k++) {
            if (c.outputs[k].absent) continue;
            check(bytes_at(device_out[k], c.outputs[k]) == once[k], "%s: output %zu: other bits in a second run",
                  name.c_str(), k);
        }
        for (const device_memory &m : memory) {
            check(m.guard_is_whole(), "%s: written behind %zu bytes", name.c_str(), m.bytes);
        }
    }

    void go(dn_cuda_context *context) {
        make_graph();
        round_inputs();
        prepare_ref();
        run_ref();
        context->type = c.type;
        context->tf32 = c.tf32;
        context->training = is_training(c.op);
        context->failure[0] = '\0';
        memory.reserve(in.size() + out.size() + 8);
        upload_tensors();
        make_state(context);
        if (!check(context->failure[0] == '\0', "%s: %s", name.c_str(), context->failure)) return;
        if (launch(context)) compare_all(context);
    }
};

static bool wanted(const entry &e, int count, char **names) {
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], e.op) == 0) return true;
    }
    return count == 0;
}

static int run_all(dn_cuda_context *context, int count, char **names) {
    for (const entry *e = first_entry(); e != nullptr; e = e->next) {
        if (!wanted(*e, count, names)) continue;
        for (dn_cuda_type type : {DN_CUDA_F32, DN_CUDA_F16, DN_CUDA_BF16}) {
            run one(*e, type);
            if (type == DN_CUDA_F32 || !is_training(one.c.op)) one.go(context);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace compare

int main(int count, char **arguments) {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess || devices == 0) {
        printf("no device: %s\n", cudaGetErrorString(status));
        return 77;
    }
    dn_cuda_context context = {};
    compare::need(cudaStreamCreateWithFlags(&context.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    compare::check(cublasCreate(&context.blas) == CUBLAS_STATUS_SUCCESS, "cublasCreate");
    compare::check(cublasSetStream(context.blas, context.stream) == CUBLAS_STATUS_SUCCESS, "cublasSetStream");
    compare::check(cudnnCreate(&context.dnn) == CUDNN_STATUS_SUCCESS, "cudnnCreate");
    compare::check(cudnnSetStream(context.dnn, context.stream) == CUDNN_STATUS_SUCCESS, "cudnnSetStream");
    const int result = compare::run_all(&context, count - 1, arguments + 1);
    (void)cudnnDestroy(context.dnn);
    (void)cublasDestroy(context.blas);
    (void)cudaStreamDestroy(context.stream);
    return result;
}
