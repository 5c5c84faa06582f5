"""How X is read: any container, datasets and files, rows and batches on their way."""

from mtlearn.data._batches import Batches, batch_slices, check_rounding, to_labels
from mtlearn.data._changed import ChangedDataset, ChangedImages
from mtlearn.data._channels import warn_channels_first
from mtlearn.data._check_files import BrokenFile, check_files
from mtlearn.data._datasets import DatasetRows, item_labels, open_dataset, row_dims
from mtlearn.data._far import warn_far
from mtlearn.data._image_cache import ImageCache
from mtlearn.data._image_files import ImageFiles
from mtlearn.data._images import check_images
from mtlearn.data._inputs import choose_inputs
from mtlearn.data._join_tasks import join_tasks
from mtlearn.data._joined_images import JoinedImages
from mtlearn.data._lazy import LazyImages, LazyRows, open_images
from mtlearn.data._rarity import RaritySampler
from mtlearn.data._readable import (
    found_rows,
    known_rows,
    may_lack,
    on_readable_rows,
    only_found,
    readable,
    warn_lacking,
)
from mtlearn.data._rows import has_names, read_rows, selectable_rows
from mtlearn.data._samples import Labels, Rows, Samples
from mtlearn.data._sampling import draw_order, row_chances, sampling_of
from mtlearn.data._shards import Shard, Share
from mtlearn.data._table import TableColumns, known_table, open_table, read_table

__all__ = [
    "Batches",
    "BrokenFile",
    "ChangedDataset",
    "ChangedImages",
    "DatasetRows",
    "ImageCache",
    "ImageFiles",
    "JoinedImages",
    "Labels",
    "LazyImages",
    "LazyRows",
    "RaritySampler",
    "Rows",
    "Samples",
    "Shard",
    "Share",
    "TableColumns",
    "batch_slices",
    "check_files",
    "check_images",
    "check_rounding",
    "choose_inputs",
    "draw_order",
    "found_rows",
    "has_names",
    "item_labels",
    "join_tasks",
    "known_rows",
    "known_table",
    "may_lack",
    "on_readable_rows",
    "only_found",
    "open_dataset",
    "open_images",
    "open_table",
    "read_rows",
    "read_table",
    "readable",
    "row_chances",
    "row_dims",
    "sampling_of",
    "selectable_rows",
    "to_labels",
    "warn_channels_first",
    "warn_far",
    "warn_lacking",
]
