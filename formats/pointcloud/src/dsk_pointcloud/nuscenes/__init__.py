"""nuScenes: scenes of keyframes, tables that refer to one another by token."""
