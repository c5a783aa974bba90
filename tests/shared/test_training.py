"""Recorded training runs: losses, deltas, gradients and weights of the reference's CPU code, on every engine.

Tolerances are those of the recordings' README. The networks carry `reference_cpu=1`, which says that what is plainly
wrong in the reference's CPU code is to be done as it does (docs/differences.md)."""

from pathlib import Path

import numpy as np
import pytest

from .training_case import Array, Run, TrainingCase, parameters_of

CASES = """
bp_activation_layer bp_activation_norm_chan bp_activations_a bp_activations_b bp_activations_c bp_batchnorm bp_binary
bp_conv_dilation_stride bp_conv_groups bp_conv_nobn bp_conv_share bp_deconvolutional bp_implicit bp_local
bp_local_avgpool bp_lrn bp_maxpool bp_maxpool_depth bp_maxpool_stride_xy bp_reorg3d bp_route bp_sam bp_scale_channels
bp_scale_channels_wh bp_shortcut bp_shortcut_channels bp_shortcut_multi bp_shortcut_weighted_per_channel_relu
bp_shortcut_weighted_per_channel_softmax bp_shortcut_weighted_per_feature_relu
bp_shortcut_weighted_per_feature_softmax bp_upsample_reorg bp_xnor_pjreddie cls_batch1 cls_batch8_sub4 cls_batch8_sub8
cls_connected_bn cls_cost_l1 cls_cost_masked cls_cost_smooth cls_dropout0 cls_label_smooth_truth cls_lr_large
cls_multilabel_logistic cls_multilabel_logistic_layer_pjreddie cls_nodecay_nomomentum cls_softmax cls_softmax_cost
cls_softmax_groups cls_softmax_pjreddie cls_softmax_temperature cls_softmax_tree opt_batch_normalize_2 opt_burn_in
opt_layer_learning_rate opt_policy_steps opt_stopbackward opt_stopbackward_pjreddie crnn detection_v1
detection_v1_forced detection_v1_softmax gaussian_ciou gaussian_giou gaussian_mse gru_pjreddie region_classfix
region_crossing_12800 region_early region_focal region_late region_logistic_late region_norescore_nobias region_tree
rnn yolov3_mse yolov3_pjreddie yolov3_truth_thresh yolov3_two_heads yolov3_two_heads_pjreddie yolov4_ciou
yolov4_ciou_maxdelta_small yolov4_counters_per_class yolov4_csp_sgd yolov4_diou yolov4_focal yolov4_giou yolov4_iou
yolov4_iou_thresh_ciou yolov4_label_smooth yolov4_mse_normalizers yolov4_new_coords yolov4_new_coords_mse
yolov4_normalizers yolov4_objectness_smooth yolov4_show_details_0
""".split()
# A [route] of one layer is that layer: it has no delta of its own to show.
WITHOUT_DELTA = {"yolov3_two_heads_pjreddie": "layer_005_delta"}
# Batch norm over 8 values: rounding grows too fast for ten iterations to be compared.
ILL_CONDITIONED = "cls_connected_bn".split()

Engine = tuple[str, str | None]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, shared: Path) -> TrainingCase:
    name: str = request.param
    return TrainingCase(shared / "goldens/training" / name)


def assert_near(found: Array, wanted: Array, absolute: float, relative: float, what: str) -> None:
    assert found.shape == wanted.shape, what
    error = np.abs(found - wanted).max(initial=0)
    allowed = absolute + relative * np.abs(wanted).max(initial=0)
    assert error <= allowed, f"{what}: off by {error:.3g}, allowed are {allowed:.3g}"


def test_first_mini_batch(case: TrainingCase, engine: Engine) -> None:
    run = Run(case, *engine)
    loss = run.mini_batch(0)
    assert loss == pytest.approx(float(case.first.pop("network_cost")), rel=1e-5)
    # Where backward stopped, only the delta of the output is known, not that before the activation.
    case.first.pop(f"layer_{run.net.stop_layer():03d}_delta", None)
    case.first.pop(WITHOUT_DELTA.get(case.folder.name, ""), None)
    for layer in run.net.layers:
        if layer.kind == "cost":
            # Its output there is the error of every value, here what the layer before gives; of type masked, it writes
            # the -1234 of hidden truths into that.
            case.first.pop(f"layer_{layer.index:03d}_output")
            if layer.facts["type"] == "masked":
                case.first.pop(f"layer_{layer.index - 1:03d}_output")
    for name, wanted in case.first.items():
        found = run.found(name)
        if found is None:
            # Nothing arrives there, or nothing there learns.
            assert not wanted.any(), f"{name}: nothing was found"
            continue
        rows = len(wanted) if name.endswith(("output", "delta")) else 1
        flat = found.reshape(len(found), -1)[:rows] if rows > 1 or wanted.ndim > 1 else found
        tolerance = 2e-5 if name.endswith("updates") else 1e-5  # Sums over images, rows and columns may nearly cancel.
        assert_near(flat.ravel(), wanted.ravel(), tolerance, tolerance, name)


def test_ten_iterations(case: TrainingCase, engine: Engine) -> None:
    run = Run(case, *engine)
    drift = 20 * case.meta["max_abs_weight_difference_between_two_builds_of_the_reference_after_10"]
    for number, expected in enumerate(case.iterations, 1):
        if number > 2 and case.folder.name in ILL_CONDITIONED:
            break
        assert expected["seen_before"] == run.seen
        assert run.iterate() == pytest.approx(expected["loss"], rel=1e-4), f"loss of iteration {number}"
        assert expected["seen_after"] == run.seen
        if number in (1, 2, 10):
            wanted = parameters_of((case.folder / f"expected_{number:02d}.weights").read_bytes())
            absolute, relative = (2e-6, 1e-5) if number < 10 else (max(1e-4, drift), 0)
            assert_near(run.parameters, wanted, absolute, relative, f"weights after iteration {number}")
